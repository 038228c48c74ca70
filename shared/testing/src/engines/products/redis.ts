import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { EngineDefinition } from '../definition.ts';
import { settingsAsArguments } from './common.ts';

/**
 * Debian's Redis, with a password, writing each change to a file that reaches the disk within a second. Accounts lie in
 * a file as well, where `ACL SAVE` keeps those that are made later: otherwise a restart would forget them.
 */
export const redis: EngineDefinition = {
  name: 'redis',
  installation: { package: 'redis-server', binary: '/usr/bin/redis-server' },
  startTimeoutMs: 60_000,
  async configure({ directory, password }, { write }) {
    if (existsSync(`${directory}/users.acl`)) return;
    await write('users.acl', `user default on >${password} ~* &* +@all\n`);
  },
  command: (run) => ({
    file: '/usr/bin/redis-server',
    args: [
      ...['--aclfile', `${run.directory}/users.acl`],
      ...['--port', String(run.port), '--bind', '127.0.0.1', '--dir', run.directory],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--databases', '16'],
      ...settingsAsArguments(run.settings, (name, value) => [`--${name}`, value]),
    ],
  }),
  url: (run) => `redis://:${run.password}@127.0.0.1:${run.port}/0`,
  async ask(run) {
    const client = new Redis({
      port: run.port,
      password: run.password,
      lazyConnect: true,
      connectTimeout: 1_000,
      commandTimeout: 1_000,
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1];
      await client.ping();
      return `Redis ${version}`;
    } finally {
      client.disconnect();
    }
  },
};
