import type { Row } from '@mindora/contracts';

export interface UserInfo {
  readonly user_id: string;
  readonly username: string;
  readonly email: string;
  readonly role: string;
  readonly status: string;
  readonly created_at: string;
  readonly last_login: string | null;
}

/** What is told of an account (A1.10). */
export function userInfoOf(row: Row): UserInfo & { readonly [field: string]: unknown } {
  const { last_login } = row;
  return {
    user_id: String(row.user_id),
    username: String(row.username),
    email: String(row.email),
    role: String(row.role),
    status: String(row.status),
    created_at: String(row.created_at),
    last_login: typeof last_login === 'string' ? last_login : null,
  };
}
