/** Migrations on a server: each statement is a commit of its own, and a start may end between two of them. */
import type { QueryRunner } from 'typeorm';

/** What a statement answers that was done by an earlier try: it is there already, or gone already. */
const doneBefore = new Set([
  1050, // a table is there
  1060, // a column is there
  1061, // an index is there
  1022, // a key is there
  1051, // a table is gone
  1091, // a column or an index is gone
  1826, // a constraint is there
  3822, // a check is there
  3821, // a check is gone
  3940, // a constraint is gone
]);

/** Runs statements, passing over those that an earlier try has done. */
export async function runResumably(runner: QueryRunner, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    await runner.query(statement).catch((thrown: unknown) => {
      const { errno } = thrown as { errno?: unknown };
      if (typeof errno !== 'number' || !doneBefore.has(errno)) throw thrown;
    });
  }
}
