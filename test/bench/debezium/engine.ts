/** Debezium's embedded engine in a process of its own: fetched by Maven into the engines' cache, our counter compiled. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InstallTools, installed, mavenInstall } from '@mindora/testing/engines';

/** The newest whose connector takes this MariaDB. */
export const version = '3.5.0.Final';
const java = 'java';
const jdk = 'a JDK of 17 or newer (Debian: default-jdk-headless)';
const source = fileURLToPath(new URL('./DebeziumRate.java', import.meta.url));
const timeoutMs = 300_000;

const names = ['debezium-api', 'debezium-embedded', 'debezium-connector-mysql', 'debezium-connector-mariadb'];

async function install(draft: string, tools: InstallTools): Promise<void> {
  const own = names.map((name) => ({ group: 'io.debezium', name, version }));
  const jars = join(draft, 'jars');
  await mavenInstall(draft, jars, [...own, { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' }], tools);
  await tools.run('javac', ['-cp', `${jars}/*`, '-d', join(draft, 'classes'), source], jdk);
  await rm(join(draft, 'pom.xml'), { force: true });
}

export interface Stream {
  readonly url: string;
  readonly database: string;
  readonly table: string;
  /** Where it keeps how far it has got. */
  readonly directory: string;
  readonly events: number;
  /** `connect`: as it reads them; `json`: made into text. */
  readonly format: 'connect' | 'json';
}

/** From the first event to the last, so that nothing of its start is counted. */
export interface Streamed {
  readonly count: number;
  readonly wholeMs: number;
  readonly secondHalfMs: number;
}

/** Runs it until it has counted so many events. @throws Error where it fails or takes too long */
export async function stream(options: Stream): Promise<Streamed> {
  const folder = await installed({ name: 'debezium', installation: { version, install } });
  const { hostname, port, username, password } = new URL(options.url);
  const { database, table, directory, events, format } = options;
  const memory = ['-Xms256m', '-Xmx768m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];
  const program = ['-cp', `${folder}/jars/*:${folder}/classes`, 'DebeziumRate'];
  const given = [hostname, port, database, table, directory, String(events), format];
  const child = spawn(java, [...memory, ...program, ...given], {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', RATE_USER: username, RATE_PASSWORD: password },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  });
  let output = '';
  for (const pipe of [child.stdout, child.stderr]) pipe.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  const line = output.split('\n').find((text) => text.startsWith('{"count"'));
  if (code !== 0 || line === undefined) throw new Error(`Debezium ended with ${code}: ${output.slice(-2000)}`);
  return JSON.parse(line) as Streamed;
}
