/** In whose names the parts of this process call the API: with the rights that upstream's roles give them, and no more. @module */
import type { UserInfo } from "#apiserver";

const AUTHENTICATED = "system:authenticated";
const NAMESPACE = "kube-system";

/** Reads for all controllers, and writes their events. */
export const controllerManagerUser: UserInfo = {
  name: "system:kube-controller-manager",
  groups: [AUTHENTICATED],
};

export const schedulerUser: UserInfo = { name: "system:kube-scheduler", groups: [AUTHENTICATED] };

/** One controller's own account; it needs no object, because it has no token. */
export function controllerUser(serviceAccount: string): UserInfo {
  return {
    name: `system:serviceaccount:${NAMESPACE}:${serviceAccount}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${NAMESPACE}`, AUTHENTICATED],
  };
}
