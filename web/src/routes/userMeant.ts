// Which Kubernetes user is meant by what was typed: the hub compares whole users, and people know each other by accounts.
import { useQuery } from '@tanstack/react-query';
import type { Account, Me } from '../api/contract';
import { queries } from '../api/queries';

/** `isKnown`: somebody has this name, so that an act upon all that is theirs does not go astray. */
export type Meant = { user: string; isKnown: boolean };

/** A user who is there goes before an account of the same name, which maps to another user. */
export function userMeant(
  typed: string,
  accounts: readonly Pick<Account, 'name' | 'kubernetes_user'>[],
  users: readonly string[],
): Meant {
  const name = typed.trim();
  if (users.includes(name) || accounts.some((each) => each.kubernetes_user === name))
    return { user: name, isKnown: true };
  const account = accounts.find((each) => each.name === name);
  return account ? { user: account.kubernetes_user, isKnown: true } : { user: name, isKnown: false };
}

/** For an administrator's filter; `undefined` while nothing is typed. */
export function useUserMeant(me: Pick<Me, 'admin'>, typed: string | undefined): Meant | undefined {
  const enabled = me.admin && Boolean(typed);
  const accounts = useQuery({ ...queries.accounts, enabled });
  const links = useQuery({ ...queries.links({ user: '*' }), enabled, refetchInterval: false });
  if (!enabled || !typed) return undefined;
  const users = links.data?.items.map(({ user }) => user) ?? [];
  return userMeant(typed, accounts.data?.items ?? [], users);
}
