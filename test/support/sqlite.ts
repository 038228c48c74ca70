/** Stands in for the sqlite3 shell where a machine has none: FILE STATEMENT. */
import Database from 'better-sqlite3';

const [file = '', statement = ''] = process.argv.slice(2);
const database = new Database(file);
database.exec(statement);
database.close();
