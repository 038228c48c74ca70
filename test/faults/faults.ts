import { setTimeout as pause } from 'node:timers/promises';
import type { Chance } from './chance.ts';
import { damage } from './damage.ts';
import { type Losable, type Run, storesWithFiles } from './run.ts';

/** What a fault leaves to be expected. */
export interface Aftermath {
  /** What was done, for people. */
  readonly what: string;
  /** A store's rows were damaged: the first verify may (`maybe`) or must tell drift, and repair mends it. */
  readonly drift: 'none' | 'maybe' | 'must';
}

/** Happens to a version that runs under load; may leave it stopped, or without load. */
export type Fault = (run: Run, chance: Chance) => Promise<Aftermath>;

const writesMin = 20;
const writesMax = 250;
const losable: readonly Losable[] = [...storesWithFiles, 'bus'];

const nothingWrong = (what: string): Aftermath => ({ what, drift: 'none' });
const someWrites = (run: Run, chance: Chance): Promise<void> => run.acknowledged(chance.between(writesMin, writesMax));

/** Stops it one way or the other. */
async function end(run: Run, chance: Chance): Promise<string> {
  await someWrites(run, chance);
  const isKilled = chance.is(0.6);
  await (isKilled ? run.kill() : run.terminate());
  await run.endLoad();
  return isKilled ? 'killed' : 'terminated';
}

/** Kills it some time after it was told to do something. */
function killedDuring(name: string, begin: (run: Run, chance: Chance) => Promise<string>, latestMs: number): Fault {
  return async (run, chance) => {
    await someWrites(run, chance);
    const what = await begin(run, chance);
    const afterMs = chance.between(0, latestMs);
    await pause(afterMs);
    await run.kill();
    return nothingWrong(`killed ${afterMs} ms into ${name}${what}`);
  };
}

async function killedWhileStarting(run: Run, chance: Chance): Promise<Aftermath> {
  const ended = await end(run, chance);
  const timesMs = Array.from({ length: chance.between(1, 3) }, () => chance.between(50, 1800));
  for (const afterMs of timesMs) {
    run.launch();
    await pause(afterMs);
    await run.kill();
  }
  return nothingWrong(`${ended}, then killed ${timesMs.join(', ')} ms into starts`);
}

async function losesFiles(run: Run, chance: Chance): Promise<Aftermath> {
  const ended = await end(run, chance);
  const lost = chance.is(0.15) ? losable : [chance.of(losable)];
  for (const what of lost) await run.lose(what);
  return nothingWrong(`${ended}, loses ${lost.join(' ')}`);
}

async function isSetBack(what: Losable, run: Run, chance: Chance): Promise<Aftermath> {
  const before = await end(run, chance);
  const restore = await run.copy(what);
  await run.start();
  run.beginLoad();
  const after = await end(run, chance);
  await restore();
  // A store knows its own past; of the bus the primary noted how far it had got.
  return { what: `${before}, ${after}, ${what} of the first end put back`, drift: 'none' };
}

async function isDamaged(run: Run, chance: Chance): Promise<Aftermath> {
  await someWrites(run, chance);
  const isQuiet = chance.is(0.7);
  if (isQuiet) {
    await run.endLoad();
    await run.verify();
  }
  const role = chance.of(storesWithFiles);
  const done = damage(role, (name) => run.file(name), run.users, chance);
  if (!isQuiet) await run.endLoad();
  if (done === null) return nothingWrong(`${role} had nothing to damage`);
  return { what: `${done}${isQuiet ? '' : ' under load'}`, drift: isQuiet ? 'must' : 'maybe' };
}

/** All that may happen; a seed chooses. */
export const faults: Readonly<Record<string, Fault>> = {
  killed: async (run, chance) => {
    await someWrites(run, chance);
    await run.kill();
    return nothingWrong('killed under load');
  },
  terminated: async (run, chance) => {
    await someWrites(run, chance);
    await run.terminate();
    return nothingWrong('terminated under load');
  },
  'killed while starting': killedWhileStarting,
  'killed during verify': killedDuring(
    'a verify',
    async (run, chance) => {
      const repair = chance.is(0.3);
      await run.startJob('sync.verify', { repair });
      return repair ? ' with repair' : '';
    },
    400,
  ),
  'killed during rebuild': killedDuring(
    'a rebuild of ',
    async (run, chance) => {
      const store = chance.of(storesWithFiles);
      await run.startJob('sync.rebuild', { store });
      return store;
    },
    400,
  ),
  'killed during erasure': killedDuring(
    'an erasure of ',
    async (run, chance) => {
      const user = chance.of(run.users.filter((candidate) => !run.erased.has(candidate)));
      run.erased.add(user);
      await run.startJob('sync.erase', { user_id: user });
      return user;
    },
    600,
  ),
  'loses files': losesFiles,
  'a store set back': (run, chance) => isSetBack(chance.of(storesWithFiles), run, chance),
  'the bus set back': (run, chance) => isSetBack('bus', run, chance),
  damaged: isDamaged,
};
