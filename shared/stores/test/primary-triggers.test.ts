import './primary-suite/on-sqlite.ts';
import './primary-suite/triggers.ts';
