/** Reads what compose/shared/ asks of the versions: alert rules, their tests, dashboards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../tidy/source.ts';

export const sharedDirectory: string = join(ROOT, 'compose/shared');

/** Files of a folder of compose/shared/, by their path there. */
export function sharedFiles(folder: string): string[] {
  return readdirSync(join(sharedDirectory, folder))
    .sort()
    .map((file) => `${folder}/${file}`);
}

/** A YAML (or JSON) file of compose/shared/. */
export function readShared<T>(path: string): T {
  const text = readFileSync(join(sharedDirectory, path), 'utf8');
  return parse(text, { merge: true, customTags: [{ tag: '!override', collection: 'map' }] }) as T;
}

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function readRules(): Rule[] {
  return sharedFiles('prometheus/rules').flatMap((file) =>
    readShared<{ groups: { rules: Rule[] }[] }>(file).groups.flatMap(({ rules }) => rules),
  );
}

interface RuleTest {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

/** Names of the alerts that some test sees fire. */
export function alertsSeenToFire(): Set<string> {
  const tests = sharedFiles('prometheus/tests').flatMap((file) => readShared<{ tests: RuleTest[] }>(file).tests);
  const asked = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  return new Set(asked.filter(({ exp_alerts }) => exp_alerts.length > 0).map(({ alertname }) => alertname));
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly { readonly title: string; readonly type: string; readonly targets?: { expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly query: { readonly query: string } }[] };
}

export function readDashboards(): Dashboard[] {
  return sharedFiles('grafana/dashboards').map((file) => readShared<Dashboard>(file));
}

/** Everything that a dashboard asks Prometheus. */
export function expressionsOf({ panels, templating }: Dashboard): string[] {
  const variables = templating.list.map(({ query }) => /label_values\((\w+),/.exec(query.query)?.[1] ?? query.query);
  return [...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)), ...variables];
}

const keywords = new Set(['and', 'or', 'unless', 'by', 'without', 'on', 'ignoring', 'bool', 'offset']);

/** Names of the metrics in an expression: what stands outside of strings, matchers and lists of labels, and is no call. */
export function metricsOf(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"|'[^']*'/g, '')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const names = [...bare.matchAll(/(?<![\w.])[a-zA-Z_:][\w:]*(?!\w|\s*\()/g)].map(([name]) => name);
  return [...new Set(names.filter((name) => !keywords.has(name)))];
}

/** What Prometheus makes by itself. */
export const ownOfPrometheus: ReadonlySet<string> = new Set(['up', 'ALERTS']);
