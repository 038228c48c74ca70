import { unavailable } from '../server/bus.ts';
import { type Link, requestMsMax } from './link.ts';

/** What a server tells of itself, as far as it matters here. */
interface Varz {
  readonly jetstream?: { readonly config?: { readonly sync_interval?: number; readonly sync_always?: boolean } };
}

const versionMin = [2, 10, 23] as const;
const batchBytes = 1_048_576;
const systemRequestMs = 1000;

/** Settings of the server that are not as they should be, each with what to set. */
export async function weakSettingsOf(link: Link, monitoring: string | null): Promise<string[]> {
  const { connection } = await link.get();
  const { version = '', max_payload = 0, jetstream = false } = connection.info ?? {};
  const weak: string[] = [];
  if (!isRecent(version))
    weak.push(`NATS ${version} may lose streams when it is killed: run ${versionMin.join('.')} or newer`);
  if (!jetstream) weak.push('JetStream is off: set "jetstream { store_dir: ... }" in the configuration of NATS');
  if (max_payload < batchBytes)
    weak.push(`max_payload is ${max_payload}: set "max_payload: 1MB" in the configuration of NATS`);
  weak.push(...(await syncOf(link, monitoring)));
  return weak;
}

async function syncOf(link: Link, monitoring: string | null): Promise<string[]> {
  const varz = monitoring === null ? await systemVarz(link) : await monitoredVarz(monitoring);
  const config = varz?.jetstream?.config;
  if (config?.sync_always === true) return [];
  const set = 'set "jetstream { sync_interval: always }" in the configuration of NATS';
  if (config === undefined) {
    return [`whether JetStream writes through to the disk can't be read: ${set}, and give the monitoring address`];
  }
  const seconds = (config.sync_interval ?? 0) / 1_000_000_000;
  return [`JetStream confirms batches up to ${seconds} s before they are on the disk (sync_interval): ${set}`];
}

/** Only an account of the system may ask so; null where this one is none. */
async function systemVarz(link: Link): Promise<Varz | null> {
  const { connection } = await link.get();
  try {
    const answer = await connection.request('$SYS.REQ.SERVER.PING.VARZ', '', { timeout: systemRequestMs });
    return answer.json<{ data?: Varz }>().data ?? null;
  } catch {
    // Refused or unheard: it can't be known this way, and is said so.
    return null;
  }
}

async function monitoredVarz(monitoring: string): Promise<Varz | null> {
  try {
    const answer = await fetch(new URL('/varz', monitoring), { signal: AbortSignal.timeout(requestMsMax) });
    return (await answer.json()) as Varz;
  } catch (error) {
    throw unavailable('the monitoring of NATS does not answer', error);
  }
}

function isRecent(version: string): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  for (const [index, wanted] of versionMin.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
