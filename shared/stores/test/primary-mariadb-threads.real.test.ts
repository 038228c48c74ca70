import './primary-suite/on-mariadb.ts';
import './primary-suite/threads.ts';
import './primary-suite/property.ts';
import './primary-suite/away.ts';
