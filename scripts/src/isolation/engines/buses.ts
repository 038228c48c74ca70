/** NATS and RabbitMQ. */
import { connect as connectAmqp } from 'amqplib';
import { connect, type NatsConnection, NatsError } from 'nats';
import {
  type Credentials,
  credentialsOf,
  type Door,
  entered,
  placeOf,
  refused,
  type Target,
  timeoutMs,
} from './door.ts';

const natsRefusals: ReadonlySet<string> = new Set([
  'AUTHORIZATION_VIOLATION',
  'AUTHENTICATION_EXPIRED',
  'PERMISSIONS_VIOLATION',
]);

async function withNats<T>({ url }: Target, who: Credentials | null, work: (link: NatsConnection) => Promise<T>) {
  const { host, port } = placeOf(url, 4222);
  const link = await connect({
    servers: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...(who === null ? {} : { user: who.user, pass: who.password }),
    ...(url.protocol === 'tls:' ? { tls: {} } : {}),
    reconnect: false,
    maxReconnectAttempts: 0,
    timeout: timeoutMs,
  });
  try {
    return await work(link);
  } finally {
    await link.close();
  }
}

const streamsMax = 100;
const messagesMax = 500;

/** Names of streams that this account sees; an account without a log sees none. */
async function streamsOf(link: NatsConnection): Promise<string[]> {
  const manager = await link.jetstreamManager({ timeout: timeoutMs });
  return (await manager.streams.names().next()).slice(0, streamsMax);
}

/** NATS JetStream. */
export const nats: Door = {
  async enter(target, credentials) {
    try {
      return await withNats(target, credentials, async (link) => {
        const streams = await streamsOf(link).catch(() => []);
        const theirs = streams.filter((name) => name.startsWith(target.namespace));
        return entered(`connected, sees ${theirs.length} of its streams`);
      });
    } catch (error) {
      const { code } = error as NatsError;
      if (error instanceof NatsError && natsRefusals.has(code)) return refused(code);
      throw error;
    }
  },
  identity: (target) => withNats(target, credentialsOf(target.url), async (link) => link.info?.server_id ?? null),
  holds: (target, words) =>
    withNats(target, credentialsOf(target.url), async (link) => {
      for (const name of await streamsOf(link)) if (await streamHolds(link, name, words)) return true;
      return false;
    }),
};

/** The newest messages; what was acknowledged by all may be gone already. */
async function streamHolds(link: NatsConnection, name: string, words: readonly string[]): Promise<boolean> {
  const { streams } = await link.jetstreamManager({ timeout: timeoutMs });
  const { state } = await streams.info(name);
  const from = Math.max(state.first_seq, state.last_seq - messagesMax + 1);
  for (let seq = from; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await streams.getMessage(name, { seq }).catch(() => null);
    const text = message === null ? '' : new TextDecoder().decode(message.data);
    if (words.some((word) => text.includes(word))) return true;
  }
  return false;
}

/** RabbitMQ. It can't be read without taking messages away, and its name may be that of another one's. */
export const rabbitmq: Door = {
  async enter({ url }, credentials) {
    const address = new URL(url);
    address.username = encodeURIComponent(credentials?.user ?? 'guest');
    address.password = encodeURIComponent(credentials?.password ?? 'guest');
    try {
      const link = await connectAmqp(address.toString(), { timeout: timeoutMs });
      link.on('error', () => undefined);
      await link.close();
      return entered('connected');
    } catch (error) {
      const { message } = error as Error;
      if (/403|ACCESS[-_]REFUSED/i.test(message)) return refused('ACCESS_REFUSED');
      throw error;
    }
  },
  identity: async () => null,
  holds: async () => null,
};
