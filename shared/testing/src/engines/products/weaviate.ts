import type { EngineDefinition, Run } from '../definition.ts';
import { fetchJson, fetchText } from './common.ts';
import { goInstall } from './go.ts';

const version = 'v1.35.2';

function environment({ directory, ports, password, settings }: Run): Record<string, string> {
  return {
    AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED: 'false',
    AUTHENTICATION_APIKEY_ENABLED: 'true',
    AUTHENTICATION_APIKEY_ALLOWED_KEYS: password,
    AUTHENTICATION_APIKEY_USERS: 'mindora',
    DEFAULT_VECTORIZER_MODULE: 'none',
    PERSISTENCE_DATA_PATH: `${directory}/data`,
    CLUSTER_HOSTNAME: 'node1',
    CLUSTER_ADVERTISE_ADDR: '127.0.0.1',
    CLUSTER_BIND_ADDR: '127.0.0.1',
    CLUSTER_GOSSIP_BIND_PORT: String(ports.gossip),
    CLUSTER_DATA_BIND_PORT: String(ports.data),
    RAFT_PORT: String(ports.raft),
    RAFT_INTERNAL_RPC_PORT: String(ports.raftCalls),
    RAFT_BOOTSTRAP_EXPECT: '1',
    RAFT_JOIN: `node1:${ports.raft}`,
    RAFT_TIMEOUTS_MULTIPLIER: '1',
    GRPC_PORT: String(ports.grpc),
    // Its profiler would take a port of all addresses.
    GO_PROFILING_DISABLE: 'true',
    DISABLE_TELEMETRY: 'true',
    ...settings,
  };
}

/** Weaviate without modules: vectors come from us. Its gRPC port listens on all addresses, behind the key. */
export const weaviate: EngineDefinition = {
  name: 'weaviate',
  installation: {
    version,
    install: (draft, tools) => goInstall(draft, `github.com/weaviate/weaviate/cmd/weaviate-server@${version}`, tools),
  },
  ports: ['grpc', 'gossip', 'data', 'raft', 'raftCalls'],
  startTimeoutMs: 180_000,
  command: (run) => ({
    file: `${run.files}/weaviate-server`,
    args: ['--host', '127.0.0.1', '--port', String(run.port), '--scheme', 'http'],
    env: environment(run),
  }),
  url: (run) => `http://:${run.password}@127.0.0.1:${run.port}?grpc=${run.ports.grpc}`,
  async ask(run) {
    const base = `http://127.0.0.1:${run.port}/v1`;
    await fetchText(`${base}/.well-known/ready`);
    const { version: told } = await fetchJson(`${base}/meta`, { authorization: `Bearer ${run.password}` });
    return `Weaviate ${told}`;
  },
};
