/** Members of certain groups may do everything, whatever the other authorizers would say. @module */
import { SYSTEM_MASTERS, type Authorizer } from "../user-info.ts";

export function privilegedGroups(groups: readonly string[] = [SYSTEM_MASTERS]): Authorizer {
  return {
    authorize({ user }) {
      return { allowed: user.groups.some((group) => groups.includes(group)) };
    },
  };
}
