/** What a container reaches: names and ports, tried from inside with whatever tool its image has. */
import type { ContainerView } from './containers.ts';

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** `open`; `closed`: refused, unreachable or silent; `unknown`: there was no tool to try with. */
export type Reach = 'open' | 'closed' | 'unknown';

const destinationsMax = 60;

/** Tries all at once, each for two seconds, and prints a line each: HOST PORT and how it ended; 9: no tool. */
const connectScript = `
try() {
  if command -v bash >/dev/null 2>&1; then timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" >/dev/null 2>&1
  elif command -v nc >/dev/null 2>&1; then nc -z -w 2 "$1" "$2" </dev/null >/dev/null 2>&1
  elif command -v wget >/dev/null 2>&1; then
    case "$(wget -q -T 2 -O /dev/null "http://$1:$2/" 2>&1)" in *refused*|*"bad address"*|*"timed out"*|*unreachable*) false;; *) true;; esac
  else return 9; fi
}
while [ $# -gt 1 ]; do (try "$1" "$2"; echo "$1 $2 $?") & shift 2; done
wait
`;

/** By \`HOST PORT\`. */
export async function reach(
  from: ContainerView,
  destinations: readonly Destination[],
): Promise<ReadonlyMap<string, Reach>> {
  const few = destinations.slice(0, destinationsMax);
  const words = few.flatMap(({ host, port }) => [host, String(port)]);
  const lines = await linesOf(from, connectScript, words);
  return new Map(
    destinations.map(({ host, port }) => {
      const code = lines.get(`${host} ${port}`);
      return [`${host} ${port}`, code === 0 ? 'open' : code === undefined || code === 9 ? 'unknown' : 'closed'];
    }),
  );
}

const resolveScript = `
try() { if command -v getent >/dev/null 2>&1; then getent hosts "$1"; else nslookup "$1" || ping -c 1 -W 1 "$1"; fi; }
command -v getent >/dev/null 2>&1 || command -v nslookup >/dev/null 2>&1 || { echo "none 9"; exit; }
for name in "$@"; do (try "$name" >/dev/null 2>&1; echo "$name $?") & done
wait
`;

/** Whether a container finds names; nothing for a name that could not be tried. */
export async function resolves(from: ContainerView, names: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
  const lines = await linesOf(from, resolveScript, names.slice(0, destinationsMax));
  return new Map([...lines].filter(([name]) => names.includes(name)).map(([name, code]) => [name, code === 0]));
}

/** The last word of each line is a number, what goes before it is what it is about. */
async function linesOf(from: ContainerView, script: string, words: readonly string[]): Promise<Map<string, number>> {
  const { output } = await from.exec(['sh', '-c', script, 'sh', ...words]);
  const lines = output.split('\n').flatMap((line) => {
    const [, about, code] = /^(.+) (\d+)$/.exec(line.trim()) ?? [];
    return about === undefined ? [] : [[about, Number(code)] as const];
  });
  return new Map(lines);
}
