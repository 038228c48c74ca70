/** What is written at a version's gateway arrives in its stores, and its accounts open no other version's. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '@mindora/cli/versions/manifest';
import { until } from '@mindora/testing/plain';
import type { Host } from '../host.ts';
import { allOf, type Finding, failed, looked, notHere, passed } from './finding.ts';
import { addressOf, containerOf, type Gateway, gatewayOf, type Part, publishedParts } from './gateway.ts';
import { holds } from './stores.ts';

const arriveMs = 60_000;
const verifyMs = 5 * 60_000;
const parts = Object.keys(publishedParts) as Part[];

/** A conversation by the gateway, then in each store by the product's own client; and `verify` says what it thinks. */
export async function dataOf(host: Host, version: string): Promise<Finding[]> {
  const check = `${version}: a write arrives`;
  const found: Finding[] = [];
  let id = '';
  found.push(
    ...(await looked(check, async () => {
      const gateway = await gatewayOf(host, version);
      id = await write(gateway, version);
      return [...(await inStores(host, gateway.manifest, id)), await byRoutes(gateway, id)];
    })),
  );
  found.push(...(await looked(`${version}: verify`, () => verified(host, version))));
  return found;
}

const who = 'admin_001';

async function write(gateway: Gateway, version: string): Promise<string> {
  const answer = await gateway.ask('POST', 'conversation', {
    user_id: who,
    session_id: `lab-${randomUUID()}`,
    user_input: `Does the lab of ${version} agree with itself?`,
    ai_response: 'Every store has this exchange, or verify says so.',
    model_name: 'lab',
  });
  return String(answer.conversation_id);
}

async function inStores(host: Host, manifest: Manifest, id: string): Promise<Finding[]> {
  const { name } = manifest;
  return Promise.all(
    parts
      .filter((part) => holds[part].hasConversations)
      .map(async (part): Promise<Finding> => {
        const check = `${name}: written at the gateway, read in ${part}`;
        const began = performance.now();
        try {
          await until(
            () => holds[part].look(addressOf(host, name, part, manifest), id),
            arriveMs,
            'the record is there',
          );
          return passed(
            check,
            `there within ${Math.ceil(performance.now() - began)} ms, by its own client and account`,
          );
        } catch (error) {
          return failed(check, (error as Error).message);
        }
      }),
  );
}

/** The routes that read other stores than the primary. */
async function byRoutes(gateway: Gateway, id: string): Promise<Finding> {
  const words = 'lab agree';
  const routes: readonly (readonly [string, string, unknown])[] = [
    ['GET', `conversation/${id}`, undefined],
    ['GET', `history/${who}?limit=50`, undefined],
    ['POST', 'search', { query: words, limit: 10 }],
    ['POST', 'search/conversations', { query: words, limit: 10 }],
    ['POST', 'search/conversations/mongodb', { query: { user_id: who }, limit: 10 }],
    ['GET', `personal/${who}/conversations`, undefined],
  ];
  const wrong: string[] = [];
  for (const [method, path, body] of routes) {
    const answer = await gateway.ask(method, path, body).catch((error: Error) => error.message);
    const text = JSON.stringify(answer);
    // Semantic search tells no id.
    if (!text.includes(id) && !text.includes('agree with itself')) wrong.push(`${path}: ${text.slice(0, 200)}`);
  }
  return allOf(`${gateway.manifest.name}: read back by the gateway`, wrong, routes.length, 'routes of five stores');
}

async function verified(host: Host, version: string): Promise<Finding> {
  const command = ['node', 'scripts/src/main.ts', 'verify', '--data', '/data/sqlite', '--version', version];
  const outcome = await host.tryDocker(['exec', containerOf(version), ...command], { timeoutMs: verifyMs });
  const lines = outcome.output.trim().split('\n');
  const last = lines.find((line) => line.includes('every store agrees')) ?? lines.slice(-3).join(' / ');
  const check = `${version}: verify`;
  return outcome.code === 0
    ? passed(check, `exit code 0: ${last}`)
    : failed(check, `${outcome.code}: ${last} ${outcome.errors}`);
}

/** A version's own accounts at the ports of another's engines. */
export async function accountsRefused(host: Host, of: Manifest, at: Manifest): Promise<Finding[]> {
  return Promise.all(
    parts.map(async (part): Promise<Finding> => {
      const check = `${of.name}'s account at ${at.name}'s ${part}`;
      // First with its own: a refusal by an engine that refuses everybody would show nothing.
      const own = await answerOf(() => holds[part].look(addressOf(host, at.name, part, at), 'nothing'));
      if (own !== null) return failed(check, `${at.name}'s own account is refused as well: ${own}`);
      const answer = await answerOf(() => holds[part].look(addressOf(host, of.name, part, at), 'nothing'));
      if (answer !== null) return passed(check, `refused: ${answer}`);
      const isOpen = part === 'elasticsearch' && host.podman !== null;
      return isOpen ? notHere(check, 'the stand-in of Elasticsearch knows no accounts') : failed(check, 'let in');
    }),
  );
}

async function answerOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return ((error as Error).message || String(error)).split('\n')[0]?.slice(0, 100) ?? '';
  }
}

const greetMs = 4000;

/** From one version's container: the names and the addresses of another's, and its bus. */
export async function networksApart(
  host: Host,
  of: Manifest,
  at: Manifest,
  addresses: readonly string[],
): Promise<Finding[]> {
  const names = ['', '-mysql', '-postgres', '-redis', '-nats', '-elasticsearch', '-neo4j'].map((end) => at.name + end);
  const ports = [8206, 3306, 5432, 6379, 4222, 9200, 7687, 27_017, 8080];
  const script = `
    const { lookup } = require('node:dns/promises');
    const { connect } = require('node:net');
    const [names, addresses, ports] = JSON.parse(process.argv[1]);
    const reach = (host, port) => new Promise((done) => {
      const socket = connect({ host, port, timeout: 700 });
      socket.on('connect', () => { socket.destroy(); done(host + ':' + port); });
      socket.on('timeout', () => { socket.destroy(); done(null); });
      socket.on('error', () => done(null));
    });
    (async () => {
      const known = (await Promise.all(names.map((name) => lookup(name).then(() => name, () => null)))).filter(Boolean);
      const reached = (await Promise.all(addresses.flatMap((one) => ports.map((port) => reach(one, port))))).filter(Boolean);
      console.log(JSON.stringify({ known, reached }));
    })();`;
  const asked = JSON.stringify([names, addresses, ports]);
  const output = await host.docker(['exec', containerOf(of.name), 'node', '-e', script, asked], {
    timeoutMs: greetMs * 10,
  });
  const { known, reached } = JSON.parse(output) as { known: string[]; reached: string[] };
  const from = `from ${of.name}'s container`;
  return [
    allOf(
      `${from}: ${at.name}'s names`,
      known.map((name) => `${name} is known`),
      names.length,
      'names unknown',
    ),
    allOf(
      `${from}: ${at.name}'s addresses`,
      reached.map((one) => `${one} answers`),
      addresses.length * ports.length,
      'addresses and ports that do not answer',
    ),
  ];
}

/** An engine's container has no way out: not to the host, and so to nothing beyond. */
export async function noWayOut(host: Host, version: string, gateways: readonly string[]): Promise<Finding> {
  const check = `${version}: no way out of the network of its data`;
  const routes = await host.docker(['exec', `mindora-lab-${version}-postgres-1`, 'cat', '/proc/net/route']);
  const ways = routes
    .trim()
    .split('\n')
    .slice(1)
    .filter((line) => line.split(/\s+/)[1] === '00000000');
  if (ways.length > 0) return failed(check, `a default route by ${gateways.join(', ')}`);
  return passed(check, 'no default route in the container of PostgreSQL');
}

/** The bus has no port on the host: from a container of its own version, with another's password. */
export async function busRefuses(host: Host, of: Manifest, at: Manifest): Promise<Finding> {
  const check = `${of.name}'s account at ${at.name}'s nats`;
  const script = `
    const { connect } = require('node:net');
    const [user, pass] = JSON.parse(process.argv[1]);
    const socket = connect(4222, '${at.name}-nats');
    let said = '';
    socket.setTimeout(3000, () => socket.destroy());
    socket.on('data', (data) => {
      const text = String(data);
      said += text;
      if (text.startsWith('INFO')) socket.write('CONNECT ' + JSON.stringify({ user, pass, verbose: false }) + '\\r\\nPING\\r\\n');
      if (/-ERR|PONG/.test(text)) socket.destroy();
    });
    socket.on('close', () => console.log(said.replace(/INFO[^\\n]*/, '').trim()));`;
  const answer = async (version: string, name: string): Promise<string> => {
    const password = readFileSync(join(host.places.compose, 'secrets', version, 'nats-account'), 'utf8');
    const account = JSON.stringify([name.replaceAll('-', '_'), password]);
    return (await host.docker(['exec', containerOf(at.name), 'node', '-e', script, account])).trim();
  };
  const own = await answer(at.name, at.name);
  if (!own.includes('PONG')) return failed(check, `${at.name}'s own account is refused as well: ${own}`);
  const told = await answer(of.name, of.name);
  return /-ERR.*Authorization/i.test(told) ? passed(check, `refused: ${told}`) : failed(check, `answered ${told}`);
}
