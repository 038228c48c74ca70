/** Files of compose/shared/ by which one version is watched: made of its name alone. */
import type { GeneratedFile } from './generated.ts';
import { variablePrefixOf } from './names.ts';

/** What Prometheus, its container and the log store are told of a version (docs/monitoring.md). */
export function overlaysOf(version: string): GeneratedFile[] {
  return [
    { path: `shared/prometheus/versions/${version}.yml`, text: scrapeText(version) },
    { path: `shared/versions/${version}.yaml`, text: watchText(version) },
    { path: `shared/logs/${version}.yaml`, text: logText(version) },
  ];
}

function scrapeText(version: string): string {
  return `# What is scraped of version ${version}: its gateway's /metrics, with the key that opens nothing else.
scrape_configs:
  - job_name: mindora-${version}
    authorization: { credentials_file: /run/secrets/${version}-metrics-key }
    static_configs:
      - targets: ["${version}:8206"]
        labels: { version: ${version} }
    # A version speaks for itself alone: whatever it says of another is dropped.
    metric_relabel_configs:
      - { action: keepequal, source_labels: [exported_version], target_label: version }
      - { action: labeldrop, regex: exported_version }
`;
}

function watchText(version: string): string {
  const variable = `${variablePrefixOf({ name: version })}_EDGE_NETWORK`;
  return `# Watches version ${version}: Prometheus joins its edge network, on which its gateway is alone, and gets the key of its
# /metrics. Given after ../compose.yaml.
services:
  prometheus:
    networks: { ${version}-edge: {} }
    secrets: [${version}-metrics-key]
    volumes: ['./prometheus/versions/${version}.yml:/etc/prometheus/versions/${version}.yml:ro']

networks:
  ${version}-edge: { name: '\${${variable}:-${version}-edge}', external: true }

secrets:
  ${version}-metrics-key: { file: './secrets/${version}-metrics.key' }
`;
}

function logText(version: string): string {
  return `# Sends the log of version ${version} to the shared log store as well; its engines' logs, which may quote what they were
# asked, stay where they are. Given after ../../compose.yaml. By UDP on loopback, so that the version starts and runs
# whether anybody listens or not; "docker compose logs" goes on reading Docker's own copy.
services:
  ${version}:
    logging: !override
      driver: syslog
      options:
        syslog-address: udp://127.0.0.1:\${SHARED_LOGS_SYSLOG_PORT:-5514}
        syslog-format: rfc5424micro
        tag: mindora-${version}
        cache-max-size: 10m
        cache-max-file: '3'
`;
}
