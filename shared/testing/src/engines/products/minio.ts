import { Client } from 'minio';
import type { EngineDefinition } from '../definition.ts';
import { fetchText } from './common.ts';
import { goInstall } from './go.ts';

const release = 'v0.0.0-20260212201848-7aac2a2c5b7c';

/** MinIO, built from the sources of a release's day: it has no release number. */
export const minio: EngineDefinition = {
  name: 'minio',
  installation: {
    version: release,
    install: (draft, tools) => goInstall(draft, `github.com/minio/minio@${release}`, tools),
  },
  ports: ['console'],
  startTimeoutMs: 120_000,
  command: (run) => ({
    file: `${run.files}/minio`,
    args: [
      ...['server', `${run.directory}/data`, '--address', `127.0.0.1:${run.port}`],
      ...['--console-address', `127.0.0.1:${run.ports.console}`],
    ],
    env: {
      MINIO_ROOT_USER: 'mindora',
      MINIO_ROOT_PASSWORD: run.password,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      ...run.settings,
    },
  }),
  url: (run) => `http://mindora:${run.password}@127.0.0.1:${run.port}`,
  async ask(run) {
    await fetchText(`http://127.0.0.1:${run.port}/minio/health/ready`);
    const account = { accessKey: 'mindora', secretKey: run.password };
    await new Client({ endPoint: '127.0.0.1', port: run.port, useSSL: false, ...account }).listBuckets();
    return `MinIO ${release.slice(7, 15)}`;
  },
};
