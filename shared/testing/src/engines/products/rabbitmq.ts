import { connect } from 'amqplib';
import type { EngineDefinition, Run } from '../definition.ts';
import { fetchText } from './common.ts';

function configuration({ password, ports, settings }: Run): string {
  return [
    'default_user = mindora',
    `default_pass = ${password}`,
    'loopback_users.guest = true',
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${ports.management}`,
    ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
    '',
  ].join('\n');
}

function environment({ directory, port, ports }: Run): Record<string, string> {
  return {
    RABBITMQ_NODENAME: 'mindora@localhost',
    RABBITMQ_MNESIA_BASE: `${directory}/data`,
    RABBITMQ_LOG_BASE: `${directory}/logs`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_PID_FILE: `${directory}/rabbit.pid`,
    RABBITMQ_CONFIG_FILE: `${directory}/rabbitmq.conf`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${directory}/plugins`,
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput -kernel inet_dist_use_interface {127,0,0,1}',
    // The server takes the place of the script that starts it, so signals reach it.
    RABBITMQ_ALLOW_INPUT: 'true',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(ports.names),
  };
}

/** Debian's RabbitMQ, with an account of its own in place of guest, and the management pages. */
export const rabbitmq: EngineDefinition = {
  name: 'rabbitmq',
  installation: { package: 'rabbitmq-server', binary: '/usr/lib/rabbitmq/bin/rabbitmq-server' },
  ports: ['distribution', 'names', 'management'],
  startTimeoutMs: 180_000,
  async configure(run, { write, folder }) {
    await folder('data');
    await folder('logs');
    await write('rabbitmq.conf', configuration(run));
    await write('plugins', '[rabbitmq_management].\n');
  },
  // Erlang's name server would outlive the broker that started it.
  companion: (run) => ({ file: 'epmd', args: ['-port', String(run.ports.names), '-address', '127.0.0.1'] }),
  command: (run) => ({ file: '/usr/lib/rabbitmq/bin/rabbitmq-server', args: [], env: environment(run) }),
  url: (run) => `amqp://mindora:${run.password}@127.0.0.1:${run.port}`,
  addresses: (run) => ({ management: `http://mindora:${run.password}@127.0.0.1:${run.ports.management}` }),
  async ask(run) {
    // The client never answers where the broker ends a connection while it is made: don't ask before it has started.
    await fetchText(`http://127.0.0.1:${run.ports.management}/`);
    const connection = await connect(this.url(run), { timeout: 2_000 });
    connection.on('error', () => undefined);
    const version = (connection.connection as { serverProperties?: { version?: string } }).serverProperties?.version;
    await connection.close();
    return `RabbitMQ ${version}`;
  },
};
