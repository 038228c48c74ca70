import './primary-suite/on-mysql-server.ts';
import './primary-suite/units.ts';
import './primary-suite/triggers.ts';
import './primary-suite/server.ts';
import './primary-suite/schema.ts';
