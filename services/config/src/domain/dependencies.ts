import type { Clock, Passwords, Random } from '@mindora/runtime';
import type { PrimaryRecords } from '@mindora/stores';

export interface ConfigDependencies {
  readonly primary: PrimaryRecords;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly passwords: Pick<Passwords, 'hash'>;
  /** 32 bytes: what keys of model endpoints are encrypted with. */
  readonly masterKey: Buffer;
}
