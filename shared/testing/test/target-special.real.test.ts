import type { Role } from '@mindora/contracts';
import type { TargetDriver } from '../src/target/driver.ts';
import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver as mariadb } from './drivers/special-mariadb.ts';
import { driver as mysql } from './drivers/special-mysql.ts';
import { driver as postgres } from './drivers/special-postgres.ts';

const common = { volatile: false, dimensions: 0, checksTypes: true };
const fixed = { ...common, fixedDecimals: true };

function hold(role: Role, name: string, driver: TargetDriver, features: Parameters<typeof testTarget>[3]) {
  testTarget(role, name, driver, features);
  testTargetAgainstModel(role, name, driver, features);
}

hold('identity', 'identity on PostgreSQL', postgres, { ...common, refusesNul: true });
hold('governance', 'governance on MariaDB', mariadb, fixed);
hold('credit', 'credit on MariaDB', mariadb, fixed);
hold('governance', 'governance on MySQL', mysql, fixed);
