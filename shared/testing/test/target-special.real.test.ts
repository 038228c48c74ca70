import type { Role } from '@mindora/contracts';
import { testTargetAgainstModel } from '../src/target-model-suite.ts';
import { testTarget } from '../src/target-suite.ts';
import { driver } from './drivers/special.ts';

const common = { volatile: false, dimensions: 0, checksTypes: true };

function hold(role: Role, name: string, features: typeof common & { refusesNul?: boolean; fixedDecimals?: boolean }) {
  testTarget(role, name, driver, features);
  testTargetAgainstModel(role, name, driver, features);
}

hold('identity', 'identity on PostgreSQL', { ...common, refusesNul: true });
hold('governance', 'governance on MariaDB', { ...common, fixedDecimals: true });
hold('credit', 'credit on MariaDB', { ...common, fixedDecimals: true });
