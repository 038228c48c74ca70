import { type EngineName, engineNames } from '@mindora/testing/engines';
import type { BusName } from '../../support/own-engines.ts';
import type { OutagesOptions } from './run.ts';
import { type OutageKind, outageKinds } from './world.ts';

const secondsMax = 3600;
const rateMax = 1000;

/** What the command line asks for. @throws RangeError that names what is wrong */
export function outagesOf(
  values: { readonly kinds: string; readonly seconds: string; readonly rate: string; readonly bus: string },
  names: readonly string[],
): Omit<OutagesOptions, 'seed' | 'tell'> {
  return {
    engines: names.map((name) => oneOf<EngineName>(name, engineNames, 'engine')),
    kinds: values.kinds.split(',').map((kind) => oneOf<OutageKind>(kind, outageKinds, 'kind')),
    seconds: within(values.seconds, secondsMax, 'seconds'),
    ratePerS: within(values.rate, rateMax, 'rate'),
    bus: oneOf<BusName>(values.bus, ['nats', 'rabbitmq'], 'bus'),
  };
}

function oneOf<T extends string>(given: string, known: readonly T[], what: string): T {
  if ((known as readonly string[]).includes(given)) return given as T;
  throw new RangeError(`no ${what} ${given}; there are ${known.join(', ')}`);
}

function within(given: string, most: number, what: string): number {
  const value = Number(given);
  if (Number.isFinite(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`${what} must be 1 to ${most}`);
}
