import type { Principal, Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { PrimaryRecords } from '@mindora/stores';
import type { IdentityDependencies } from './dependencies.ts';
import { principalOf } from './principals.ts';
import { userInfoOf } from './users.ts';

export interface NewPassword {
  readonly password: string;
  readonly current_password?: string | undefined;
}

/** How users prove who they are (A2.1). */
export function credentialUseCases({ primary, passwords, issueToken }: IdentityDependencies) {
  return {
    /** Unknown, wrong, without password or not active: all the same to the caller, and all the same work. */
    async login(login: string, password: string) {
      const user = await userByLogin(primary, login);
      const hash = hashOf(user);
      const isRight = await passwords.verify(password, hash);
      const principal = user === null || !isRight ? null : await principalOf(primary, user);
      if (user === null || principal === null) throw new MindoraError('wrong_credentials');
      if (hash !== null && passwords.outdated(hash)) await renew(password, principal.userId, hash);
      const { token, expiresIn } = await issueToken(principal);
      return { token, token_type: 'Bearer' as const, expires_in: expiresIn, user_info: userInfoOf(user) };
    },
    whoami(principal: Principal | null) {
      if (principal === null) throw new MindoraError('unauthenticated');
      return { user_id: principal.userId, role: principal.role, permissions: [...principal.permissions] };
    },
    /** Users give their present password; an administrator needn't. */
    async setPassword(userId: string, { password, current_password }: NewPassword, scope: string | null) {
      const user = await primary.get({ entity: 'user', id: userId }, { secrets: true });
      if (scope !== null) {
        const isRight = await passwords.verify(current_password ?? '', hashOf(user));
        if (!isRight) throw new MindoraError('wrong_credentials', 'current_password is not your present password');
      }
      if (user === null) throw new MindoraError('not_found', 'there is no such user');
      await store(userId, await passwords.hash(password));
      return { success: true };
    },
  };

  async function renew(password: string, userId: string, hash: string): Promise<void> {
    const renewed = await passwords.hash(password);
    // Set anew meanwhile, the newer one stands.
    const user = await primary.get({ entity: 'user', id: userId }, { secrets: true });
    if (hashOf(user) === hash) await store(userId, renewed);
  }

  async function store(userId: string, password_hash: string): Promise<void> {
    await primary.write([{ op: 'update', entity: 'user', id: userId, set: { password_hash } }]);
  }
}

function hashOf(user: Row | null): string | null {
  const hash = user?.password_hash;
  return typeof hash === 'string' ? hash : null;
}

/**
 * By user id, else by email, else by name. Names are not unique: one that several have finds nobody. All three are
 * looked up always, so that the time doesn't tell which of them there is.
 */
async function userByLogin(primary: PrimaryRecords, login: string): Promise<Row | null> {
  const search = (where: Row) => primary.find({ entity: 'user', where, limit: 2, secrets: true });
  const [byId, byEmail, byName] = await Promise.all([
    search(login.length <= 50 ? { user_id: login } : { email: login }),
    search({ email: login }),
    search(login.length <= 100 ? { username: login } : { email: login }),
  ]);
  const named = byName.length === 1 ? byName : [];
  return byId[0] ?? byEmail[0] ?? named[0] ?? null;
}
