import type { identityRoutes } from '@mindora/contracts';
import type { InternalAction, RouteAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { accountUseCases } from './domain/accounts.ts';
import { credentialUseCases } from './domain/credentials.ts';
import type { IdentityDependencies } from './domain/dependencies.ts';
import { keyUseCases } from './domain/keys.ts';
import { principalUseCases } from './domain/principals.ts';

export type { IdentityDependencies } from './domain/dependencies.ts';

type Act<Name extends (typeof identityRoutes)[number]['action']> = RouteAction<typeof identityRoutes, Name>;

/** Erasing goes through every store. */
const erasureTimeoutMs = 300_000;

/** Who users are, how they prove it, and what they keep. */
export function createIdentityService(dependencies: IdentityDependencies): ServiceSchema {
  const { authenticateKey, principal } = principalActions(dependencies);
  return defineService({
    name: 'identity',
    actions: { ...accountActions(dependencies), ...credentialActions(dependencies), ...keyActions(dependencies) },
    internal: { authenticateKey, principal },
    timeoutsMs: { erase: erasureTimeoutMs },
  });
}

function accountActions(dependencies: IdentityDependencies) {
  const cases = accountUseCases(dependencies);
  const profile: Act<'identity.profile'> = ({ params }) => cases.profile(params.user_id);
  const mergeProfile: Act<'identity.mergeProfile'> = ({ params, body }) => cases.mergeProfile(params.user_id, body);
  const user: Act<'identity.user'> = ({ params }) => cases.user(params.user_id);
  const stampLogin: Act<'identity.stampLogin'> = ({ params }) => cases.stampLogin(params.user_id);
  const erase: Act<'identity.erase'> = ({ params }) => cases.erase(params.user_id);
  const personal: Act<'identity.personal'> = ({ params, query }) =>
    cases.personal(params.user_id, params.collection, query);
  return { profile, mergeProfile, user, stampLogin, erase, personal };
}

function credentialActions(dependencies: IdentityDependencies) {
  const cases = credentialUseCases(dependencies);
  const login: Act<'identity.login'> = ({ body }) => cases.login(body.login, body.password);
  const whoami: Act<'identity.whoami'> = async ({ meta }) => cases.whoami(meta.principal);
  const setPassword: Act<'identity.setPassword'> = ({ params, body, meta }) =>
    cases.setPassword(params.user_id, body, meta.scope);
  return { login, whoami, setPassword };
}

function keyActions(dependencies: IdentityDependencies) {
  const cases = keyUseCases(dependencies);
  const createKey: Act<'identity.createKey'> = ({ body, meta }) => cases.create(body, meta);
  const keys: Act<'identity.keys'> = ({ query, meta }) => cases.list(meta.scope ?? query.user_id ?? null);
  const revokeKey: Act<'identity.revokeKey'> = ({ params, meta }) => cases.revoke(params.key_id, meta.scope);
  return { createKey, keys, revokeKey };
}

function principalActions(dependencies: IdentityDependencies) {
  const cases = principalUseCases(dependencies.primary);
  const authenticateKey: InternalAction = ({ hash }: { hash: string }) => cases.ofKey(hash);
  const principal: InternalAction = ({ userId }: { userId: string }) => cases.ofUser(userId);
  return { authenticateKey, principal };
}
