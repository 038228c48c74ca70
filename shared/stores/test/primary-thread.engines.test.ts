import './primary-suite/on-sqlite.ts';
import './primary-suite/threads.ts';
import './primary-suite/locked-sqlite.ts';
