import { writeSync } from 'node:fs';

const SUITE = /^(?:target|bus): (.+)$/;
const SKIPPED = /^(.*) \[skipped: (.+)\]$/;

/** Prints one table, engine x case, of all conformance suites that ran: ok, FAIL, or - with the reason below. */
export default class ConformanceReporter {
  onRunComplete(_contexts, results) {
    const outcomes = results.testResults.flatMap(({ testResults }) => testResults.flatMap(outcomeOf));
    for (const kind of ['bus', 'target']) {
      const table = tableOf(outcomes.filter((outcome) => outcome.kind === kind));
      if (table !== '') process.once('exit', () => writeSync(1, `\n${table}\n`));
    }
  }
}

/** One test as {kind, engine, name, outcome, reason}; nothing for tests of no suite. */
export function outcomeOf({ ancestorTitles, title, status }) {
  const [suite = ''] = ancestorTitles;
  const engine = SUITE.exec(suite)?.[1];
  if (engine === undefined || (status !== 'passed' && status !== 'failed')) return [];
  const [, name = title, reason] = SKIPPED.exec(title) ?? [];
  const outcome = status === 'failed' ? 'FAIL' : reason === undefined ? 'ok' : '-';
  return [{ kind: suite.split(':')[0], engine, name, outcome, reason }];
}

/** '' where no suite of the kind ran. */
export function tableOf(outcomes) {
  if (outcomes.length === 0) return '';
  const engines = [...new Set(outcomes.map(({ engine }) => engine))].sort();
  const names = [...new Set(outcomes.map(({ name }) => name))];
  const cell = new Map(outcomes.map((outcome) => [`${outcome.engine}\n${outcome.name}`, outcome]));
  const rows = names.map((name) => {
    const marks = engines.map((engine) => (cell.get(`${engine}\n${name}`)?.outcome ?? '').padEnd(5));
    return `${marks.join('')} ${name}`;
  });
  return [...headOf(engines), ...rows, ...totalsOf(engines, outcomes), ...reasonsOf(outcomes)].join('\n');
}

/** A line an engine, each leading down to its column. */
function headOf(engines) {
  return engines.map((engine, i) => `${'|    '.repeat(i)}${engine}`);
}

function totalsOf(engines, outcomes) {
  return engines.map((engine) => {
    const count = (wanted) => outcomes.filter((one) => one.engine === engine && one.outcome === wanted).length;
    return `${engine}: ${count('ok')} ok, ${count('FAIL')} failed, ${count('-')} skipped`;
  });
}

function reasonsOf(outcomes) {
  return outcomes
    .filter(({ outcome }) => outcome === '-')
    .map(({ engine, name, reason }) => `- ${engine}: ${name}: ${reason}`);
}
