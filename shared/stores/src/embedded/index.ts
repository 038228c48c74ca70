export * from './cursor.ts';
export * from './database.ts';
export * from './errors.ts';
export * from './page.ts';
export * from './register.ts';
export * from './table.ts';
export * from './target.ts';
export * from './values.ts';
