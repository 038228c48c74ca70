/** A version by its gateway, and its stores by the addresses and accounts that it has itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { hostPortsOf, loadManifest, type Manifest } from '@mindora/cli/versions/manifest';
import { MindoraError } from '@mindora/runtime';
import type { Host } from '../host.ts';

const askMs = 20_000;

export interface Gateway {
  readonly manifest: Manifest;
  ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
}

export function containerOf(version: string): string {
  return `mindora-lab-${version}-1`;
}

export async function gatewayOf(host: Host, version: string): Promise<Gateway> {
  const manifest = loadManifest(host.places.manifests, version);
  const file = `${manifest.engines.sqlite.directory}/admin.key`;
  const key = (await host.docker(['exec', containerOf(version), 'cat', file])).trim();
  return {
    manifest,
    async ask(method, path, body) {
      const response = await fetch(`http://127.0.0.1:${manifest.gateway.port}/api/v1/ai/${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(askMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status >= 300) throw new MindoraError('internal', `${method} ${path}: ${response.status} ${text}`);
      return JSON.parse(text) as Record<string, unknown>;
    },
  };
}

/** Parts of a version whose ports come to the host, and the variables of their addresses. */
export const publishedParts = {
  mysql: 'MINDORA_PRIMARY_URL',
  postgres: 'MINDORA_RELATIONAL_URL',
  redis: 'MINDORA_CACHE_URL',
  mongodb: 'MINDORA_DOCUMENTS_URL',
  elasticsearch: 'MINDORA_FULLTEXT_URL',
  neo4j: 'MINDORA_GRAPH_URL',
  weaviate: 'MINDORA_VECTORS_URL',
  identity: 'MINDORA_IDENTITY_URL',
  governance: 'MINDORA_GOVERNANCE_URL',
  credit: 'MINDORA_CREDIT_URL',
} as const;

export type Part = keyof typeof publishedParts;

/** A version's own address of a part, account and all, by way of the port that the host has of `at`. */
export function addressOf(host: Host, of: string, part: Part, at: Manifest): URL {
  const text = readFileSync(join(host.places.compose, 'secrets', of, 'mindora-engines'), 'utf8');
  const url = new URL(parseEnv(text)[publishedParts[part]] ?? '');
  const service = part === 'neo4j' ? 'neo4j_bolt' : part;
  const port = portOf(at, service);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url;
}

function portOf(manifest: Manifest, service: string): number {
  if (service === 'neo4j_bolt') return manifest.engines.neo4j.bolt_port;
  const found = hostPortsOf(manifest).find((one) => one.service === service);
  if (found === undefined) throw new MindoraError('internal', `no port of ${service}`);
  return found.port;
}
