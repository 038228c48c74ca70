import './primary-suite/on-mariadb.ts';
import './primary-suite/units.ts';
import './primary-suite/triggers.ts';
import './primary-suite/schema.ts';
import './primary-suite/threads.ts';
import './primary-suite/property.ts';
