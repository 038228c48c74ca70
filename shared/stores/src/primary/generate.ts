/**
 * Writes a migration from the difference between the definitions and a database with all migrations so far:
 *
 *     node shared/stores/src/primary/generate.ts NAME [mysql://user:password@host:port/database]
 *
 * makes `migrations/sqlite/<time>-NAME.ts`, or with an empty database of a server `migrations/mysql/<time>-NAME.ts`,
 * and lists it in the `index.ts` beside it. Nothing is written where nothing differs. Triggers are no part of
 * migrations: every start makes them anew from the definitions.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, engineOf } from './dialects.ts';
import { openSchema, schemaDifferences } from './schema.ts';

/** Statements that the definitions need beyond the migrations, forth and back; the migrations run in an empty place. */
export async function missingMigration({ place, dialect }: Engine): Promise<{ up: string[]; down: string[] }> {
  const source = await openSchema(place, dialect);
  try {
    await source.runMigrations();
    return await schemaDifferences(source, dialect);
  } finally {
    await source.destroy();
  }
}

function list(name: string, queries: readonly string[]): string {
  const lines = queries.map((query) => `  ${JSON.stringify(query.trim())},\n`).join('');
  return `const ${name} = [\n${lines}];\n`;
}

/** How a kind of engine runs the statements of a migration. */
const kinds = {
  sqlite: {
    imports: '',
    run: (statements: string) => `for (const statement of ${statements}) await runner.query(statement);`,
  },
  mysql: {
    imports: "import { runResumably } from './resume.ts';\n",
    run: (statements: string) => `await runResumably(runner, ${statements});`,
  },
} as const;

type Kind = keyof typeof kinds;

function migrationText(kind: Kind, className: string, { up, down }: { up: string[]; down: string[] }): string {
  const { imports, run } = kinds[kind];
  return `import type { MigrationInterface, QueryRunner } from 'typeorm';
${imports}
${list('up', up)}
${list('down', down)}
/** Made by generate.ts from the definitions of the tables. */
export class ${className} implements MigrationInterface {
  readonly name = '${className}';

  async up(runner: QueryRunner): Promise<void> {
    ${run('up')}
  }

  async down(runner: QueryRunner): Promise<void> {
    ${run('down')}
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

async function differenceIn(url: string | undefined): Promise<{ up: string[]; down: string[] }> {
  if (url !== undefined) return missingMigration(engineOf({ kind: 'mysql', url }));
  const directory = mkdtempSync(join(tmpdir(), 'mindora-schema-'));
  try {
    return await missingMigration(engineOf({ file: join(directory, 'primary.sqlite') }));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function generate(name: string, url: string | undefined): Promise<void> {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name))
    throw new Error('usage: generate.ts NAME [URL] (letters and digits, no spaces)');
  const difference = await differenceIn(url);
  if (difference.up.length === 0) return;
  const kind: Kind = url === undefined ? 'sqlite' : 'mysql';
  const directory = join(import.meta.dirname, 'migrations', kind);
  const stamp = Date.now();
  const className = `${name[0]?.toUpperCase()}${name.slice(1)}${stamp}`;
  writeFileSync(join(directory, `${stamp}-${name}.ts`), migrationText(kind, className, difference));
  writeFileSync(join(directory, 'index.ts'), indexText(directory));
}

if (import.meta.main) await generate(process.argv[2] ?? '', process.argv[3]);
