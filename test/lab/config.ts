import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the lab reads of the environment. */
const { LAB_DIRECTORY: own = '', XDG_CACHE_HOME: caches = '' } = process.env;

/** Where the lab keeps all that is its own: images, containers, volumes, and copies of the files that it runs. */
export const labDirectory: string =
  own !== ''
    ? own
    : process.getuid?.() === 0
      ? '/var/cache/mindora/lab'
      : join(caches !== '' ? caches : join(homedir(), '.cache'), 'mindora', 'lab');

/** Whom this machine trusts, with what its user added. */
export const trustedCertificates: string = process.env.NODE_EXTRA_CA_CERTS ?? '/etc/ssl/certs/ca-certificates.crt';

/** The environment of what the lab starts: this one's, and what is given. */
export function labEnvironment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more };
}

/** Registries may need it: given to the installation inside our image's build alone, and in no layer. */
export const npmrcFile: string = join(homedir(), '.npmrc');
