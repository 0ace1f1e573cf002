/** `kubectl --as`: acting as somebody else, where that is allowed. @module */
import { forbidden, StatusError } from "#apimachinery";
import {
  SYSTEM_AUTHENTICATED,
  SYSTEM_UNAUTHENTICATED,
  anonymousUser,
  type AuthorizationAttributes,
  type Authorizer,
  type Credentials,
  type UserInfo,
} from "../user-info.ts";

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const EXTRA_PREFIX = "impersonate-extra-";

/**
 * The user the request's Impersonate headers ask for, or `user` when there are none. Every part of it (user, groups, uid,
 * extra) must be allowed by the verb `impersonate`. Throws Forbidden; BadRequest for headers that name no user.
 */
export async function impersonate(
  user: UserInfo,
  { headers }: Credentials,
  authorizer: Authorizer,
): Promise<UserInfo> {
  const [name] = valuesOf(headers["impersonate-user"]);
  const [uid] = valuesOf(headers["impersonate-uid"]);
  const groups = valuesOf(headers["impersonate-group"]);
  const extra = Object.entries(headers)
    .filter(([header]) => header.startsWith(EXTRA_PREFIX))
    .map(
      ([header, value]) => [decodeURIComponent(header.slice(EXTRA_PREFIX.length)), valuesOf(value)] as const,
    );
  if (name === undefined) {
    if (uid === undefined && groups.length === 0 && extra.length === 0) return user;
    throw new StatusError("BadRequest", "requested impersonation without impersonating a user");
  }
  const account = SERVICE_ACCOUNT.exec(name);
  const asked: Asked[] = [
    account === null
      ? { resource: "users", name }
      : { resource: "serviceaccounts", namespace: account[1]!, name: account[2]! },
    ...groups.map((group) => ({ resource: "groups", name: group })),
    ...(uid === undefined ? [] : [{ group: "authentication.k8s.io", resource: "uids", name: uid }]),
    ...extra.flatMap(([key, values]) =>
      values.map((value) => ({
        group: "authentication.k8s.io",
        resource: "userextras",
        subresource: key,
        name: value,
      })),
    ),
  ];
  for (const part of asked) await assertAllowed(user, part, authorizer);
  return {
    name,
    ...(uid !== undefined && { uid }),
    groups: groupsOf(name, groups, account?.[1]),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}

interface Asked {
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name: string;
}

async function assertAllowed(user: UserInfo, part: Asked, authorizer: Authorizer): Promise<void> {
  const { group = "", resource, subresource = "", namespace = "", name } = part;
  const attributes: AuthorizationAttributes = {
    user,
    verb: "impersonate",
    isResourceRequest: true,
    path: "",
    group,
    version: group === "" ? "v1" : "v1",
    resource,
    subresource,
    namespace,
    name,
  };
  const { allowed } = await authorizer.authorize(attributes);
  if (allowed) return;
  const full = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  const why = `User "${user.name}" cannot impersonate resource "${full}" in API group "${group}" ${where}`;
  throw forbidden({ group, resource }, name, why);
}

/** What upstream adds: nobody is impersonated out of `system:authenticated`. */
function groupsOf(name: string, groups: readonly string[], namespace: string | undefined): readonly string[] {
  if (name === anonymousUser.name) return [...new Set([...groups, SYSTEM_UNAUTHENTICATED])];
  const own =
    namespace !== undefined && groups.length === 0
      ? ["system:serviceaccounts", `system:serviceaccounts:${namespace}`]
      : groups;
  return own.includes(SYSTEM_UNAUTHENTICATED) ? own : [...new Set([...own, SYSTEM_AUTHENTICATED])];
}

function valuesOf(header: string | readonly string[] | undefined): readonly string[] {
  if (header === undefined || header === "") return [];
  return typeof header === "string" ? [header] : header;
}
