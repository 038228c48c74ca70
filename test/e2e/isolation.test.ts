/**
 * Versions share nothing (A3.1-A3.5, rule 17): attacks on embedded versions that run side by side. Each border is broken
 * on purpose, and the probe that watches it must see that.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findInFile } from '@mindora/cli/isolation/files';
import { ask } from '@mindora/cli/isolation/http';
import type { Marker } from '@mindora/cli/isolation/markers';
import type { Party } from '@mindora/cli/isolation/party';
import { type Border, held } from '@mindora/cli/isolation/probe';
import { probes } from '@mindora/cli/isolation/probes/index';
import { reportOf } from '@mindora/cli/isolation/report';
import { forward } from '@mindora/cli/versions/forward';
import { hashApiKey, Secret, systemRandom } from '@mindora/runtime';
import { type TemporaryDirectory, temporaryDirectory, until } from '@mindora/testing/plain';
import Database from 'better-sqlite3';
import {
  attack,
  caughtBy,
  look,
  partiesIn,
  type RunningEmbedded,
  startEmbedded,
  step,
  writeSecrets,
} from '../support/isolation.ts';
import { mindora } from '../support/version.ts';

const both = ['future', 'dao'];
const random = systemRandom();
let directory: TemporaryDirectory;
let data: string;
/** By name: future and dao as they should be; blockchain has the secrets of future, and knows its key. */
let running: Map<string, RunningEmbedded>;

const of = (name: string, file: string): string => join(data, name, file);

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = directory.path;
  // Others may pass, so that only what is closed keeps them out.
  chmodSync(data, 0o755);
  const same = { jwt: random.bytes(32).toString('base64url'), master: random.bytes(32).toString('base64') };
  writeSecrets(data, 'future', same);
  writeSecrets(data, 'blockchain', same);
  const names = [...both, 'blockchain'];
  const started = await Promise.all(names.map(async (name) => [name, await startEmbedded(data, name)] as const));
  running = new Map(started);
  const [future] = partiesIn(data, ['future']);
  const database = new Database(of('blockchain', 'primary.sqlite'), { timeout: 5000 });
  const hash = hashApiKey(future?.gateway?.adminKey?.reveal() ?? '');
  const insert = `INSERT INTO "api_keys" ("id", "hash", "user_id", "name", "created_at") VALUES (?, ?, ?, ?, ?)`;
  database.prepare(insert).run(random.id(), hash, 'admin_001', 'copied', '2026-01-01T00:00:00.000000Z');
  database.close();
}, 300_000);

afterAll(async () => {
  await Promise.all([...running.values()].map((version) => version.stop()));
  await directory.remove();
});

/** The two as they should be, one of them changed. */
function changed(name: string, change: (party: Party) => Partial<Party>, places = {}): Party[] {
  return partiesIn(data, both, places).map((party) => (party.name === name ? { ...party, ...change(party) } : party));
}

function markerOf({ markers, attacker }: Border): Marker {
  const marker = markers.get(attacker.name);
  if (marker === undefined || 'missing' in marker) throw new Error(`no marker: ${marker?.missing}`);
  return marker;
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const portOf = (url: string): number => Number(new URL(url).port);
const urlOf = (name: string): string => running.get(name)?.url ?? '';

/** Special databases are filled by the workers like the others, but no route shows when. */
const specialFilled = step(async (border) => {
  const { userId, word } = markerOf(border);
  for (const role of ['identity', 'governance', 'credit']) {
    const files = ['', '-wal'].map((end) => of(border.attacker.name, `stores/${role}.sqlite${end}`)).filter(existsSync);
    const isThere = (): boolean => files.some((file) => findInFile(file, [userId, word]) !== null);
    await until(isThere, 20_000, `${role} has the marker`);
  }
  return [held('wait', 'filled')];
});

describe('versions that are as they should be', () => {
  it('hold every attack; what could not be tried is not counted as held', async () => {
    const findings = await attack(partiesIn(data, both), [specialFilled, ...probes]);
    const report = reportOf(both, probes, findings, 0);
    expect(findings.filter(({ outcome }) => outcome === 'crossed')).toEqual([]);
    expect(report.isolated).toBe(true);
    const hasOutside = Object.values(networkInterfaces()).some((all) => all?.some(({ internal }) => !internal));
    const idle = report.probes.filter(({ held }) => held === 0).map(({ probe }) => probe);
    // There are neither servers nor containers here.
    const unable = new Set(['foreign-accounts', 'same-server', 'markers-in-servers', 'foreign-bus-accounts']);
    for (const name of ['joined-networks', 'container-ports', 'container-names', 'shared-mounts']) unable.add(name);
    for (const name of ['markers-in-container-logs', 'shared-namespaces', 'privileges', 'limits']) unable.add(name);
    if (!hasOutside) unable.add('outside-addresses');
    if (process.geteuid?.() !== 0) unable.add('other-user');
    expect(new Set(idle)).toEqual(unable);
    expect(findings.filter(({ outcome, probe }) => outcome === 'untried' && !unable.has(probe))).toEqual([]);
    for (const name of both) {
      const outcomes = Object.values(report.versions[name] ?? {}).map(({ outcome }) => outcome);
      expect(outcomes).toEqual(['held', 'held', 'held', 'held', 'held']);
    }
  });

  it('keep nothing of what was written into them', async () => {
    const seen: Marker[] = [];
    await attack(partiesIn(data, both), [
      step((border) => {
        seen.push(markerOf(border));
        return [];
      }),
    ]);
    expect(seen).toHaveLength(2);
    for (const party of partiesIn(data, both)) {
      for (const { conversationId } of seen) {
        const credential = party.gateway?.adminKey?.reveal() ?? '';
        const url = `${urlOf(party.name)}/api/v1/ai/conversation/${conversationId}`;
        // The cache may have it for as long as sync needs.
        await until(async () => (await ask(url, { credential })).status === 404, 20_000, `${url} is gone`);
      }
    }
  });

  it('are named with what stays in them where it could not be deleted', async () => {
    const refusing = createServer(async (request, response) => {
      const { method = '', url = '', headers } = request;
      if (method === 'DELETE') return response.writeHead(503).end();
      const { authorization = '', 'content-type': type = '' } = headers;
      const body = method === 'POST' ? { body: await text(request) } : {};
      const answer = await fetch(urlOf('dao') + url, {
        method,
        headers: { authorization, 'content-type': type },
        ...body,
      });
      return response.writeHead(answer.status).end(await answer.text());
    });
    const url = await listening(refusing);
    const left: string[] = [];
    const refused = changed('dao', ({ gateway }) => ({ gateway: gateway && { ...gateway, url } }));
    await attack(refused, [step(() => [])], (urls) => left.push(...urls));
    refusing.closeAllConnections();
    refusing.close();
    const paths = ['ai/conversation', 'ai/analysis', 'admin/ai_identities', 'admin/points_accounts', 'admin/companies'];
    expect(left.map((one) => one.slice(0, one.lastIndexOf('/')))).toEqual(paths.map((path) => `${url}/api/v1/${path}`));
    const credential = partiesIn(data, ['dao'])[0]?.gateway?.adminKey?.reveal() ?? null;
    for (const one of left) {
      expect((await ask(one.replace(url, urlOf('dao')), { method: 'DELETE', credential })).status).toBe(200);
    }
  });

  it('are found by the command, which exits by what it saw', async () => {
    const quick = ['isolation', '--no-write', '--json', '--probe', 'equal-secrets', 'open-modes'];
    const [clean, holed, unknown] = await Promise.all([
      mindora(data, [...quick, '--version', ...both]),
      mindora(data, [...quick, '--version', 'future', 'blockchain']),
      mindora(join(data, 'nowhere'), quick),
    ]);
    expect([clean.code, holed.code, unknown.code]).toEqual([0, 1, 2]);
    const { isolated, versions } = JSON.parse(clean.output) as { isolated: boolean; versions: object };
    expect([isolated, Object.keys(versions)]).toEqual([true, both]);
    expect(JSON.parse(unknown.output)).toMatchObject({ code: 'invalid_request' });
  });
});

describe('a hole is caught:', () => {
  it('the same signing secret in two versions', async () => {
    const parties = partiesIn(data, ['future', 'blockchain']);
    expect(caughtBy(await look(parties, ['equal-secrets', 'foreign-token', 'forged-token']))).toEqual([
      'equal-secrets',
      'forged-token',
    ]);
  });

  it('an API key copied into another version', async () => {
    const findings = await look(partiesIn(data, ['future', 'blockchain']), ['foreign-key', 'key-rows']);
    expect(caughtBy(findings)).toEqual(['foreign-key', 'key-rows']);
    const through = findings.filter(({ outcome, probe }) => outcome === 'crossed' && probe === 'foreign-key');
    // Its own key opens nothing of future; future's opens every route of blockchain.
    expect(new Set(through.map(({ attacker }) => attacker))).toEqual(new Set(['future']));
    expect(through.length).toBeGreaterThan(50);
  });

  it('a gateway that lets anybody in', async () => {
    const server = createServer((_request, response) => response.end('{"version":"dao"}'));
    const url = await listening(server);
    const parties = changed('dao', ({ gateway }) => ({ gateway: gateway && { ...gateway, url } }));
    expect(caughtBy(await look(parties, ['foreign-token', 'foreign-key']))).toEqual(['foreign-key', 'foreign-token']);
    server.close();
  });

  it('a folder of another version, by a symbolic link', async () => {
    symlinkSync(of('future', 'stores'), of('dao', 'borrowed'));
    const findings = await look(partiesIn(data, both), ['directories', 'database-files']);
    rmSync(of('dao', 'borrowed'));
    expect(caughtBy(findings)).toEqual(['directories']);
  });

  it('a database that is one file under two names', async () => {
    linkSync(of('future', 'stores/graph.sqlite'), of('dao', 'stores/other.sqlite'));
    const findings = await look(partiesIn(data, both), ['directories', 'database-files']);
    rmSync(of('dao', 'stores/other.sqlite'));
    expect(caughtBy(findings)).toEqual(['database-files']);
  });

  it('one folder for the logs of two versions, and one for their backups', async () => {
    const logs = directory.file('logs');
    mkdirSync(join(logs, 'all'), { recursive: true });
    for (const name of both) symlinkSync(join(logs, 'all'), join(logs, name));
    expect(caughtBy(await look(partiesIn(data, both, { logs }), ['directories']))).toEqual(['directories']);
    const backups = join(logs, 'all');
    const shared = partiesIn(data, both).map((party) => ({ ...party, backups }));
    expect(caughtBy(await look(shared, ['directories']))).toEqual(['directories']);
  });

  it('a secret that everybody may read', async () => {
    chmodSync(of('dao', 'admin.key'), 0o644);
    expect(caughtBy(await look(partiesIn(data, both), ['open-modes']))).toEqual(['open-modes']);
    chmodSync(of('dao', ''), 0o755);
    const findings = await look(partiesIn(data, both), ['open-modes', 'other-user']);
    chmodSync(of('dao', ''), 0o700);
    chmodSync(of('dao', 'admin.key'), 0o600);
    expect(caughtBy(findings)).toEqual(process.geteuid?.() === 0 ? ['open-modes', 'other-user'] : ['open-modes']);
  });

  it('a marker in another version’s log', async () => {
    const spill = step((border) => {
      writeFileSync(of(border.victim.name, 'service.log'), `served ${markerOf(border).userId}\n`);
      return [];
    });
    const findings = await attack(partiesIn(data, both), [spill, 'markers-in-files']);
    for (const name of both) rmSync(of(name, 'service.log'));
    expect(caughtBy(findings)).toEqual(['markers-in-files']);
  });

  it('a record that was copied into another version', async () => {
    const copy = step(async (border) => {
      const { word, userId, sessionId, conversationId } = markerOf(border);
      const body = {
        conversation_id: conversationId,
        user_id: userId,
        session_id: sessionId,
        user_input: word,
        ai_response: word,
        model_name: 'copied',
      };
      const credential = border.victim.gateway?.adminKey?.reveal() ?? '';
      const url = urlOf(border.victim.name);
      const { status } = await ask(`${url}/api/v1/ai/conversation`, { method: 'POST', credential, body });
      expect(status).toBe(201);
      return [];
    });
    const findings = await attack(partiesIn(data, both), [
      copy,
      'markers-in-files',
      'markers-in-queries',
      'foreign-ids',
    ]);
    expect(caughtBy(findings)).toEqual(['foreign-ids', 'markers-in-files', 'markers-in-queries']);
    const changing = findings.filter(({ outcome, tried }) => outcome === 'crossed' && /^(PATCH|DELETE)/.test(tried));
    expect(changing.length).toBeGreaterThan(0);
  });

  it('a port of one version that leads to another, open to other machines', async () => {
    const server = await forward({ port: 0, toHost: '127.0.0.1', toPort: portOf(urlOf('dao')) }, '0.0.0.0');
    const { port } = server.address() as AddressInfo;
    const forwarded = changed('future', ({ ports }) => ({ ports: [...ports, { service: 'more', path: '', port }] }));
    expect(caughtBy(await look(forwarded, ['foreign-ports']))).toEqual(['foreign-ports']);
    const open = changed('dao', ({ gateway }) => ({
      gateway: gateway && { ...gateway, url: `http://127.0.0.1:${port}` },
    }));
    const hasOutside = Object.values(networkInterfaces()).some((all) => all?.some(({ internal }) => !internal));
    expect(caughtBy(await look(open, ['outside-addresses']))).toEqual(hasOutside ? ['outside-addresses'] : []);
    server.close();
  });

  it('a process that has files of another version open, or talks to it', async () => {
    const file = openSync(of('dao', 'secrets.json'), 'r');
    const socket = connect(portOf(urlOf('dao')), '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const parties = changed('future', ({ gateway }) => ({ gateway: gateway && { ...gateway, pid: process.pid } }));
    const findings = await look(parties, ['own-process', 'foreign-connections']);
    closeSync(file);
    socket.destroy();
    expect(caughtBy(findings)).toEqual(['foreign-connections', 'own-process']);
  });

  it('one process for two versions', async () => {
    const { pid = 0 } = running.get('future') ?? {};
    const parties = changed('dao', ({ gateway }) => ({ gateway: gateway && { ...gateway, pid } }));
    expect(caughtBy(await look(parties, ['own-process']))).toEqual(['own-process']);
  });

  it('a bus that was copied from another version', async () => {
    const bus = directory.file('copied.sqlite');
    copyFileSync(of('future', 'bus.sqlite'), bus);
    copyFileSync(of('future', 'bus.sqlite-wal'), `${bus}-wal`);
    const parties = changed('dao', ({ files }) => ({ files: files && { ...files, bus } }));
    expect(caughtBy(await look(parties, ['bus-log']))).toEqual(['bus-log']);
  });

  it('metrics of one version in another’s', async () => {
    const [future] = partiesIn(data, ['future']);
    const parties = changed('dao', () => ({ gateway: future?.gateway ?? null }));
    expect(caughtBy(await look(parties, ['markers-in-metrics']))).toEqual(['markers-in-metrics']);
  });

  it('the same password of an engine in two versions', async () => {
    const addresses = { cache: new Secret('redis://future:a-password-of-both@127.0.0.1:1/0') };
    const secrets = [{ name: 'password of cache', value: new Secret('a-password-of-both') }];
    const parties = partiesIn(data, both).map((party) => ({
      ...party,
      addresses,
      secrets: [...party.secrets, ...secrets],
    }));
    expect(caughtBy(await look(parties, ['equal-secrets']))).toEqual(['equal-secrets']);
  });
});

describe('what can’t be tried', () => {
  it('is told as such, where a version is not running or its own key is wrong', async () => {
    const stopped = changed('dao', () => ({ gateway: null }));
    const silent = await look(stopped, ['foreign-key', 'foreign-ports', 'own-process']);
    const onDao = silent.filter(({ victim }) => victim === 'dao');
    expect(onDao.map(({ outcome }) => outcome)).not.toContain('crossed');
    expect(onDao.find(({ probe }) => probe === 'foreign-key')?.outcome).toBe('untried');
    const adminKey = new Secret(`mk_${'x'.repeat(43)}`);
    const locked = changed('dao', ({ gateway }) => ({ gateway: gateway && { ...gateway, adminKey } }));
    const findings = await look(locked, ['foreign-key']);
    expect(findings.filter(({ victim }) => victim === 'dao')).toMatchObject([{ outcome: 'untried' }]);
  });
});
