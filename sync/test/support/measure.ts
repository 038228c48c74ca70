/** Measures how fast records reach all seven embedded stores, each in a thread of its own. Run by hand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePosition, type Role, roles } from '@mindora/contracts';
import { Thread } from '@mindora/runtime';
import { connectPrimary, primaryThread } from '@mindora/stores';
import { lexicalThread } from '@mindora/stores/embedder/index';
import { storeThreads } from './stores.ts';
import { insertConversation, World } from './world.ts';

const dimensions = 384;
const conversations = Number(process.argv[2] ?? 5000);
const samples = 200;

const path = await mkdtemp(join(tmpdir(), 'mindora-measure-'));
const directory = { path, file: (name: string) => join(path, name), remove: () => rm(path, { recursive: true }) };
const primaryOf = await Thread.start({
  name: 'primary',
  module: primaryThread,
  data: { file: directory.file('p.db') },
});
const primary = connectPrimary(primaryOf, directory.file('p.db'));
const { targets, stop } = await storeThreads(path, dimensions);
const embedder = await lexicalThread({ dimensions });
const world = await World.open({ directory, primary, targets, embedder: embedder as never });

const report: Record<string, unknown> = { conversations };
world.start({ relateScoreMin: null });
await world.settled();
const done = new Map<Role, number>();
const counts = new Map<Role, number>();
const startedAt = performance.now();
world.sync.onApplied((role, held) => {
  const count = (counts.get(role) ?? 0) + held.filter(({ entity }) => entity === 'conversation').length;
  counts.set(role, count);
  if (count >= conversations && !done.has(role)) done.set(role, performance.now() - startedAt);
});
const text = '数据库的索引怎样加快查询 and what does it cost? '.repeat(8);
for (let start = 0; start < conversations; start += 1000) {
  const units = Array.from({ length: Math.min(1000, conversations - start) }, (_, index) => {
    const n = start + index;
    return [insertConversation(`c${n}`, `user_${n % 50}`, `${n} ${text}`)];
  });
  await world.primary.records.writeEach(units);
}
report.writtenMs = Math.round(performance.now() - startedAt);
await world.settled(300_000);
report.settledMs = Math.round(performance.now() - startedAt);
report.recordsPerSecond = Object.fromEntries(
  [...done].map(([role, ms]) => [role, Math.round(conversations / (ms / 1000))]),
);

const visible: Record<string, { p50: number; p99: number }> = {};
const times = new Map<Role, number[]>(roles.map((role) => [role, []]));
for (let n = 0; n < samples; n++) {
  const written = await world.write(insertConversation(`s${n}`, 'user_1', `${n} ${text}`));
  const committedAt = performance.now();
  const token = encodePosition(written);
  await Promise.all(
    roles.map(async (role) => {
      await world.sync.waitFor(role, token, 30_000);
      times.get(role)?.push(performance.now() - committedAt);
    }),
  );
}
for (const [role, list] of times) {
  list.sort((a, b) => a - b);
  const at = (share: number): number => Number((list[Math.floor(list.length * share)] ?? 0).toFixed(1));
  visible[role] = { p50: at(0.5), p99: at(0.99) };
}
report.commitToVisibleMs = visible;
const rebuildAt = performance.now();
await world.sync.rebuild('documents');
report.rebuildDocumentsMs = Math.round(performance.now() - rebuildAt);
process.stderr.write(`${JSON.stringify(report, null, 1)}\n`);
await world.stop();
await stop();
await embedder.close();
await primary.close();
await primaryOf.stop();
await directory.remove();
