import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** A measured value with its labels, as an internal action hands it over. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A family of samples under one name. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly values: readonly Sample[];
}

/** Seconds, from 1 ms to 10 s. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Named measurements of one process, printed in Prometheus' text format. */
export interface Metrics {
  readonly contentType: string;
  counter<L extends string>(name: string, help: string, labels: readonly L[]): Counter<L>;
  gauge<L extends string>(name: string, help: string, labels: readonly L[]): Gauge<L>;
  /** Of seconds. */
  histogram<L extends string>(name: string, help: string, labels: readonly L[]): Histogram<L>;
  /** All of them, and the given families behind them. */
  text(families?: readonly Family[]): Promise<string>;
}

/** A registry of its own (never prom-client's global one): two versions in one test process share nothing. */
export function createMetrics(version: string): Metrics {
  const register = new Registry();
  register.setDefaultLabels({ version });
  collectDefaultMetrics({ register });
  const options = <L extends string>(name: string, help: string, labels: readonly L[]) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [register],
  });
  return {
    contentType: register.contentType,
    counter: (name, help, labels) => new Counter(options(name, help, labels)),
    gauge: (name, help, labels) => new Gauge(options(name, help, labels)),
    histogram: (name, help, labels) => new Histogram({ ...options(name, help, labels), buckets: secondsBuckets }),
    async text(families = []) {
      const own = await register.metrics();
      return families.length === 0 ? own : `${own}\n${await printed(version, families)}`;
    },
  };
}

/** Samples of others, printed by the same library so that names and labels are escaped as they have to be. */
function printed(version: string, families: readonly Family[]): Promise<string> {
  const register = new Registry();
  register.setDefaultLabels({ version });
  // Of a family without labels the library would print a 0 that nobody measured.
  for (const { name, help, type, values } of families.filter((family) => family.values.length > 0)) {
    const labelNames = [...new Set(values.flatMap(({ labels }) => Object.keys(labels)))];
    const family = { name, help, labelNames, registers: [register] };
    const metric = type === 'counter' ? new Counter(family) : new Gauge(family);
    for (const { labels, value } of values) metric.inc({ ...labels }, value);
  }
  return register.metrics();
}
