/** What the configuration (A2.13) refuses: writes in maintenance, models when switched off, too many users. */
import { type EntityName, entity, type Principal, type RouteDefinition, type RuntimeConfig } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';

/** A user counts as present for so long after a request. */
const presenceMs = 60_000;

/** Refuses what the configuration doesn't admit. @throws MindoraError `maintenance`, `ai_disabled` */
export function checkConfig(route: RouteDefinition, principal: Principal | null, config: RuntimeConfig): void {
  if (config.maintenance_mode && route.writes && !staysOpen(route, principal)) throw new MindoraError('maintenance');
  if (!config.ai_api_enabled && route.asksModel === true) throw new MindoraError('ai_disabled');
}

/**
 * What an administrator can write in maintenance: configuration and rights (or it could never be ended) and accounts'
 * keys and passwords. Records of users can't be written by anyone.
 */
function staysOpen(route: RouteDefinition, principal: Principal | null): boolean {
  if (principal?.role !== 'admin') return false;
  if (route.path.startsWith('/api/v1/auth/')) return true;
  const [service, name = ''] = route.action.split('.');
  return service === 'config' && entity(name as EntityName).owner === undefined;
}

/** Counts users who are there at once. */
export interface Presence {
  /** Notes a request. @throws MindoraError `too_many_users` where a further user would be one too many */
  note(principal: Principal, usersMax: number): void;
  readonly users: number;
}

export function createPresence(clock: Clock): Presence {
  // In the order of the last request, so that those who left are at the front.
  const lastSeen = new Map<string, number>();
  const forgetGone = (now: number): void => {
    for (const [userId, at] of lastSeen) {
      if (now - at < presenceMs) return;
      lastSeen.delete(userId);
    }
  };
  return {
    note({ userId, role }, usersMax) {
      if (role === 'admin') return;
      const now = clock.now();
      forgetGone(now);
      if (!lastSeen.delete(userId) && lastSeen.size >= usersMax) throw new MindoraError('too_many_users');
      lastSeen.set(userId, now);
    },
    get users() {
      forgetGone(clock.now());
      return lastSeen.size;
    },
  };
}
