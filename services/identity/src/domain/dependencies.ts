import type { ErasureCertificate, Principal } from '@mindora/contracts';
import type { Clock, Passwords, Random } from '@mindora/runtime';
import type { DocumentQueries, PersonalQueries, PrimaryRecords } from '@mindora/stores';

export interface IdentityDependencies {
  readonly primary: PrimaryRecords;
  readonly documents: Pick<DocumentQueries, 'profile'>;
  readonly personal: Pick<PersonalQueries, 'list'>;
  readonly clock: Pick<Clock, 'timestamp'>;
  readonly random: Random;
  readonly passwords: Pick<Passwords, 'hash' | 'verify' | 'outdated'>;
  /** Makes a login token; `expiresIn` in seconds. */
  readonly issueToken: (principal: Principal) => Promise<{ readonly token: string; readonly expiresIn: number }>;
  /** Removes a user from every store; resolves when it is proven. */
  readonly erase: (userId: string) => Promise<ErasureCertificate>;
}
