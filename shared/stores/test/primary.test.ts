import './primary-suite/on-sqlite.ts';
import './primary-suite/units.ts';
import './primary-suite/typed-sqlite.ts';
