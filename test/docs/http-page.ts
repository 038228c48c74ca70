/** Makes docs/http.md from the routes of the contracts. `npm run docs` writes it; a test holds the page to it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RouteDefinition } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { ROOT } from '../tidy/source.ts';

export const httpPagePath = 'docs/http.md';

const head = `# The API at a glance

Made from \`contracts/src/routes\` by \`npm run docs\`; a test holds this page to them. A running version describes itself
in full at \`/docs\` (a page), \`/openapi.json\` and \`/asyncapi.json\`.

- Every request carries \`Authorization: Bearer KEY\`, an API key or a token; *public* routes need none.
- A body is JSON. A good answer has \`"status": "success"\` beside its own fields; anything else is a problem document
  with a code of [the one table](errors.md).
- **permission** is what the caller's role must have. Whoever is not an administrator names only itself as user.
- **reads** is the store that answers. With \`X-Mindora-After: POSITION\` (every write returns its position) the answer
  waits until that store holds the write: 10 s, or \`X-Mindora-Wait-Ms\` up to 60,000. Where the column is empty the
  primary answers, which is always current.
- **req.** is the requirement that the route fulfils.

\`/health\` and \`/ready\` answer everybody; \`/metrics\` asks for the permission \`system_config\`, or the version's metrics
key (\`metrics.key\`, which opens nothing else), or nothing where \`MINDORA_METRICS_PUBLIC\` is true.
`;

/** The whole page. */
export function httpPage(all: readonly RouteDefinition[] = routes): string {
  const tags = [...new Set(all.map(({ tag }) => tag))];
  return [head, ...tags.map((tag) => sectionOf(tag, linesOf(all.filter((route) => route.tag === tag))))].join('\n');
}

interface Line {
  readonly methods: string;
  readonly route: RouteDefinition;
  readonly summary: string;
}

/** One line a route; the administrator's plain operations of one path share a line. */
function linesOf(list: readonly RouteDefinition[]): Line[] {
  const groups = Map.groupBy(list, (route) => (route.tag.startsWith('admin') ? route.path : route.action));
  return [...groups.values()].flatMap((group) => {
    const [route] = group;
    if (route === undefined) return [];
    const methods = group.map(({ method }) => method).join(' ');
    return [{ methods, route, summary: group.map(({ summary }) => summary).join('; ') }];
  });
}

function sectionOf(tag: string, lines: readonly Line[]): string {
  const rows = lines.map(({ methods, route, summary }) => {
    const may = route.access === 'public' ? '*public*' : (route.permission ?? '');
    return `| ${methods} | \`${route.path}\` | ${may} | ${route.reads ?? ''} | ${route.requirement} | ${summary} |`;
  });
  const table = ['| method | path | permission | reads | req. | what it does |', '|---|---|---|---|---|---|', ...rows];
  return `## ${tag}\n\n${table.join('\n').replaceAll(/ {2,}/g, ' ')}\n`;
}

if (import.meta.main) writeFileSync(join(ROOT, httpPagePath), httpPage());
