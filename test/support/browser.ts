import { existsSync } from 'node:fs';
import { isContinuousIntegration } from './config.ts';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A browser for tests of pages, as far as this machine has one. */
export interface Browser {
  readonly executablePath: string | null;
  /** Why tests of pages are left out here; null where they run. Where all must run, a browser that is missing fails. */
  readonly leftOut: string | null;
}

/** Looks for a Chromium, which is installed where continuous integration runs. */
export function findBrowser(): Browser {
  const executablePath = places.find((place) => existsSync(place)) ?? null;
  const mayBeMissing = executablePath === null && !isContinuousIntegration;
  return { executablePath, leftOut: mayBeMissing ? `there is no Chromium here (${places.join(', ')})` : null };
}

/** For a browser that only looks at this machine. */
export const browserFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
