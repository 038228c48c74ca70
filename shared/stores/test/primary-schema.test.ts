import './primary-suite/on-sqlite.ts';
import './primary-suite/schema.ts';
import './primary-suite/plan-sqlite.ts';
