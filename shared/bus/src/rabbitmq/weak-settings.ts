import { unavailable } from '../server/bus.ts';
import { type Link, requestMsMax } from './link.ts';
import type { Topology } from './topology.ts';

const versionMin = [3, 10] as const;

/** A queue as the management plugin tells of it. */
interface ManagedQueue {
  readonly name: string;
  readonly type?: string;
  readonly durable?: boolean;
  readonly effective_policy_definition?: Readonly<Record<string, unknown>>;
}

/** Settings of the broker that are not as they should be, each with what to set. */
export async function weakSettingsOf(link: Link, topology: Topology, management: string | null): Promise<string[]> {
  await topology.ensure(link);
  const weak: string[] = [];
  if (!isRecent(link.version)) {
    weak.push(`RabbitMQ ${link.version} is too old for these quorum queues: run ${versionMin.join('.')} or newer`);
  }
  for (const queue of topology.mismatched) {
    weak.push(`the queue ${queue} was made with other settings (type quorum?): delete it, and it is made anew`);
  }
  if (management === null) {
    weak.push(
      "whether a policy limits deliveries can't be read: give the management address, and set no delivery-limit for these queues",
    );
    return weak;
  }
  const queues = await managedQueues(link, management);
  return [...weak, ...queues.filter(({ name }) => name.startsWith(topology.exchange)).flatMap(weaknessesOf)];
}

function weaknessesOf({ name, type, durable, effective_policy_definition: policy = {} }: ManagedQueue): string[] {
  // The lock is meant to go with its connection.
  if (name.endsWith('_publisher')) return [];
  const weak: string[] = [];
  if (type !== 'quorum')
    weak.push(`the queue ${name} is of the type ${type}: delete it, and it is made a quorum queue`);
  if (durable !== true) weak.push(`the queue ${name} is not durable: delete it, and it is made anew`);
  const limit = policy['delivery-limit'];
  if (typeof limit === 'number' && limit >= 0) {
    weak.push(`a policy drops batches of ${name} after ${limit} deliveries: remove delivery-limit from it`);
  }
  for (const setting of ['message-ttl', 'expires'] as const) {
    if (policy[setting] !== undefined)
      weak.push(`a policy makes ${name} lose batches by time: remove ${setting} from it`);
  }
  return weak;
}

async function managedQueues(link: Link, management: string): Promise<ManagedQueue[]> {
  const address = new URL(management);
  const credentials = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  const url = new URL(`/api/queues/${encodeURIComponent(link.vhost)}`, `${address.protocol}//${address.host}`);
  const headers = { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(requestMsMax) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return (await answer.json()) as ManagedQueue[];
  } catch (error) {
    throw unavailable('the management of RabbitMQ does not answer', error);
  }
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]);
}
