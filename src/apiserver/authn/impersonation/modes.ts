/** The ways in which one user may act as another: constrained ones (KEP-5284), then that of old. Pure. @module */
import { isDns1123Subdomain } from "#apimachinery";
import type { AuthorizationAttributes, UserInfo } from "../../user-info.ts";

export interface Mode {
  /** "" is the old way: the verb is `impersonate` and there is no question about the request itself. */
  readonly name: string;
  /** Whether this way is for such users at all. */
  readonly isFor: (wanted: UserInfo, requestor: UserInfo) => boolean;
  /** What is asked of the authorizer, when it is not the request or the wanted user as they are. */
  readonly adapt?: (attributes: AuthorizationAttributes) => AuthorizationAttributes;
}

const NODE_NAME = "authentication.kubernetes.io/node-name";
const NODE_KEYS = "authentication.kubernetes.io/associated-node-keys";

export const MODES: readonly Mode[] = [
  {
    name: "associated-node",
    isFor: (wanted, requestor) => {
      const node = nodeNameOf(wanted.name);
      const own = requestor.extra?.[NODE_NAME];
      return (
        onlyNamed(wanted) &&
        node !== undefined &&
        serviceAccountOf(requestor.name) !== undefined &&
        own?.length === 1 &&
        own[0] === node
      );
    },
    // The association has been checked: what is asked is the same on every node.
    adapt: (attributes) => ({
      ...attributes,
      ...(attributes.verb === "impersonate:associated-node" && { name: "*" }),
      user: {
        ...attributes.user,
        extra: { [NODE_KEYS]: Object.keys(attributes.user.extra ?? {}).toSorted() },
      },
    }),
  },
  { name: "arbitrary-node", isFor: (wanted) => onlyNamed(wanted) && nodeNameOf(wanted.name) !== undefined },
  {
    name: "serviceaccount",
    isFor: (wanted) => onlyNamed(wanted) && serviceAccountOf(wanted.name) !== undefined,
  },
  {
    name: "user-info",
    isFor: ({ name }) => nodeNameOf(name) === undefined && serviceAccountOf(name) === undefined,
  },
  { name: "", isFor: () => true },
];

export function serviceAccountOf(
  userName: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace, name] = /^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$/.exec(userName) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

export function nodeNameOf(userName: string): string | undefined {
  const [, name] = /^system:node:(.+)$/.exec(userName) ?? [];
  return name !== undefined && isDns1123Subdomain(name).length === 0 ? name : undefined;
}

function onlyNamed({ uid = "", groups, extra = {} }: UserInfo): boolean {
  return uid === "" && groups.length === 0 && Object.keys(extra).length === 0;
}
