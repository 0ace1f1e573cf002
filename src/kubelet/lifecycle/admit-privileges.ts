/** Whether this node can keep a pod in the bounds that it asks for. Pure; reasons and messages are upstream's. @module */
import type { AppArmorProfile, Pod } from "#api/core/v1/types.gen";
import { allContainersOf, specOf } from "../container/pod-spec.ts";
import type { Rejection } from "./admit.ts";

/** What the node's kernel and runtime can. */
export interface PrivilegeFacts {
  readonly appArmor: boolean;
  readonly supplementalGroupsPolicy: boolean;
}

/** The annotation of a container's profile, from before there was a field. */
const APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/";

export function admitPrivileges(pod: Pod, facts: PrivilegeFacts): Rejection | undefined {
  const { supplementalGroupsPolicy: policy } = specOf(pod).securityContext ?? {};
  if (policy === "Strict" && !facts.supplementalGroupsPolicy) {
    return rejected(
      "SupplementalGroupsPolicyNotSupported",
      "SupplementalGroupsPolicy=Strict is not supported in this node",
    );
  }
  const why = appArmorError(pod, facts.appArmor);
  return why === undefined ? undefined : rejected("AppArmor", `Cannot enforce AppArmor: ${why}`);
}

function appArmorError(pod: Pod, isEnabled: boolean): string | undefined {
  const profiles = profilesOf(pod).filter((profile) => profile !== undefined);
  if (!isRequired(pod, profiles)) return undefined;
  if (!isEnabled) return "AppArmor is not enabled on the host";
  const unnamed = profiles.find(
    ({ type, localhostProfile = "" }) => type === "Localhost" && localhostProfile.trim() === "",
  );
  return unnamed === undefined ? undefined : 'invalid empty AppArmor profile name: ""';
}

function profilesOf(pod: Pod): readonly (AppArmorProfile | undefined)[] {
  const shared = specOf(pod).securityContext?.appArmorProfile;
  return [shared, ...allContainersOf(pod).map((c) => c.securityContext?.appArmorProfile)];
}

function isRequired(pod: Pod, profiles: readonly AppArmorProfile[]): boolean {
  if (profiles.some(({ type }) => type !== "Unconfined")) return true;
  return Object.entries(pod.metadata.annotations ?? {}).some(
    ([name, value]) => name.startsWith(APPARMOR_ANNOTATION) && value !== "unconfined",
  );
}

function rejected(reason: string, message: string): Rejection {
  return { reason, message: `Pod was rejected: ${message}` };
}
