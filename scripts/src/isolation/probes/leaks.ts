/** Markers of one version, looked for in another: in what its routes show, its files, its metrics. */
import { existsSync, realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { findInFile, walk } from '../files.ts';
import { ask } from '../http.ts';
import { type Marker, showsMarker, wordsOf } from '../markers.ts';
import type { Party } from '../party.ts';
import { places } from '../places.ts';
import { type Attempt, type Border, crossed, held, type Probe, reasonOf, untried } from '../probe.ts';
import { rootsOf } from './directories.ts';

function markerOf({ attacker, markers }: Border): Marker | { readonly missing: string } {
  return markers.get(attacker.name) ?? { missing: 'nothing was written' };
}

export const markersInQueries: Probe = {
  name: 'markers-in-queries',
  kind: 'data',
  tries: 'what was written into one version, asked of each store of another through its routes',
  async attack(border) {
    const { attacker, victim } = border;
    const marker = markerOf(border);
    const what = `marker of ${attacker.name} in ${victim.name}`;
    if ('missing' in marker) return [untried(what, `${attacker.name}: ${marker.missing}`)];
    const { gateway } = victim;
    const credential = gateway?.adminKey?.reveal();
    if (gateway === null || credential === undefined) return [untried(what, `${victim.name} is not running`)];
    // Its own marker must be found, or the store answers nobody.
    const own = border.markers.get(victim.name);
    const seen = own === undefined || 'missing' in own ? new Set<string>() : own.seenIn;
    return Promise.all(
      places.map(async (place) => {
        const tried = `${what}: ${place.name}`;
        if (!marker.seenIn.has(place.name) || !seen.has(place.name)) return untried(tried, 'not found at home either');
        const shown = await showsMarker(gateway.url, credential, place, marker);
        return shown ? crossed(tried, 'found') : held(tried, 'not found; its own is');
      }),
    );
  },
};

export const markersInMetrics: Probe = {
  name: 'markers-in-metrics',
  kind: 'data',
  tries: 'ids and the name of one version in the metrics of another',
  async attack(border) {
    const { attacker, victim } = border;
    const { gateway } = victim;
    const tried = `${attacker.name} in the metrics of ${victim.name}`;
    if (gateway === null) return [untried(tried, `${victim.name} is not running`)];
    try {
      const { status, text } = await ask(`${gateway.url}/metrics`, { credential: gateway.adminKey?.reveal() ?? null });
      if (status !== 200) return [untried(tried, String(status))];
      return [judgeMetrics(tried, text, border)];
    } catch (error) {
      return [untried(tried, reasonOf(error))];
    }
  },
};

function judgeMetrics(tried: string, text: string, border: Border): Attempt {
  const marker = markerOf(border);
  const words = 'missing' in marker ? [] : wordsOf(marker);
  const found = [...words, `version="${border.attacker.name}"`].find((word) => text.includes(word));
  if (found !== undefined) return crossed(tried, 'found');
  const own = text.includes(`version="${border.victim.name}"`);
  return own ? held(tried, 'not found; its own name is') : untried(tried, 'its own name is not found either');
}

export const markersInFiles: Probe = {
  name: 'markers-in-files',
  kind: 'data',
  tries: 'what was written into one version, as bytes in every file of another: stores, bus, logs, backups',
  attack(border) {
    const { attacker, victim } = border;
    const marker = markerOf(border);
    const what = `marker of ${attacker.name} in files of ${victim.name}`;
    if ('missing' in marker) return [untried(what, `${attacker.name}: ${marker.missing}`)];
    const roots = rootsOf(victim);
    if (roots.length === 0) return [untried(what, 'none here')];
    const home = areasWith(attacker, marker);
    return [...areasOf(victim)].map(([area, paths]) => judgeArea({ what, area, paths, home, marker }));
  },
};

interface Search {
  readonly what: string;
  readonly area: string;
  readonly paths: readonly string[];
  /** Areas of its own version in which it is. */
  readonly home: ReadonlySet<string>;
  readonly marker: Marker;
}

/** Files that content comes into by itself; elsewhere (keys, backups, logs) it is enough that the search works. */
const contentArea = /^(primary|bus|stores\/.*|personal)$/;

function judgeArea({ what, area, paths, home, marker }: Search): Attempt {
  const tried = `${what}: ${area}`;
  const hit = paths.find((path) => holds(path, marker));
  if (hit !== undefined) return crossed(tried, `found in ${hit}`);
  const isSeen = contentArea.test(area) ? home.has(area) : home.has('primary');
  return isSeen
    ? held(tried, `not in ${paths.length} files; at home it is`)
    : untried(tried, 'not found at home either');
}

function holds(path: string, marker: Marker): boolean {
  return existsSync(path) && findInFile(path, wordsOf(marker)) !== null;
}

/** Files by what they belong to: a database with its logs, all users' files, everything else by its folder. */
function areasOf(party: Party): Map<string, string[]> {
  const areas = new Map<string, string[]>();
  for (const root of new Set(rootsOf(party).map((path) => realpathSync(path)))) {
    for (const { path, stats } of walk(root) ?? []) {
      if (stats?.isFile() !== true) continue;
      const area = root === party.files?.directory ? areaOf(relative(root, path)) : root;
      areas.set(area, [...(areas.get(area) ?? []), path]);
    }
  }
  return areas;
}

function areaOf(path: string): string {
  const [folder = '', ...rest] = path.split('/');
  const base = path.replace(/\.sqlite(-wal|-shm|-journal)?$/, '');
  if (folder === 'stores' || path !== base) return folder === 'personal' ? folder : base;
  return rest.length === 0 ? 'other files' : folder;
}

function areasWith(party: Party, marker: Marker): ReadonlySet<string> {
  const found = [...areasOf(party)].filter(([, paths]) => paths.some((path) => holds(path, marker)));
  return new Set(found.map(([area]) => area));
}
