/**
 * Writes a migration from the difference between the definitions and a database with all migrations so far:
 *
 *     node shared/stores/src/primary/generate.ts NAME
 *
 * makes `migrations/sqlite/<time>-NAME.ts` and lists it in `migrations/sqlite/index.ts`. Nothing is written where
 * nothing differs. Triggers are no part of migrations: every start makes them anew from the definitions.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSchema, schemaDifferences } from './schema.ts';
import { sqlite } from './sqlite.ts';

/** Statements that the definitions need beyond the migrations, forth and back. */
export async function missingMigration(): Promise<{ up: string[]; down: string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'mindora-schema-'));
  const source = await openSchema(join(directory, 'primary.sqlite'), sqlite);
  try {
    await source.runMigrations();
    return await schemaDifferences(source);
  } finally {
    await source.destroy();
    rmSync(directory, { recursive: true });
  }
}

function list(name: string, queries: readonly string[]): string {
  const lines = queries.map((query) => `  ${JSON.stringify(query.trim())},\n`).join('');
  return `const ${name} = [\n${lines}];\n`;
}

function migrationText(className: string, { up, down }: { up: string[]; down: string[] }): string {
  return `import type { MigrationInterface, QueryRunner } from 'typeorm';

${list('up', up)}
${list('down', down)}
/** Made by generate.ts from the definitions of the tables. */
export class ${className} implements MigrationInterface {
  readonly name = '${className}';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of up) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of down) await runner.query(statement);
  }
}
`;
}

function indexText(directory: string): string {
  const files = readdirSync(directory).filter((file) => /^\d+-\w+\.ts$/.test(file));
  const listed = files.sort().map((file) => {
    const [stamp = '', word = ''] = file.replace('.ts', '').split('-');
    return { file, className: `${word[0]?.toUpperCase()}${word.slice(1)}${stamp}` };
  });
  const imports = listed.map(({ file, className }) => `import { ${className} } from './${file}';\n`).join('');
  const names = listed.map(({ className }) => className).join(', ');
  return `${imports}\n/** All migrations, oldest first. Made by generate.ts. */\nexport const migrations = [${names}];\n`;
}

async function generate(name: string): Promise<void> {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new Error('usage: generate.ts NAME (letters and digits, no spaces)');
  const difference = await missingMigration();
  if (difference.up.length === 0) return;
  const directory = join(import.meta.dirname, 'migrations', 'sqlite');
  const stamp = Date.now();
  const className = `${name[0]?.toUpperCase()}${name.slice(1)}${stamp}`;
  writeFileSync(join(directory, `${stamp}-${name}.ts`), migrationText(className, difference));
  writeFileSync(join(directory, 'index.ts'), indexText(directory));
}

if (import.meta.main) await generate(process.argv[2] ?? '');
