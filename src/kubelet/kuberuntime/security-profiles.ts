/** Seccomp and AppArmor profiles in the runtime's form. Pure. @module */
import type { AppArmorProfile, SeccompProfile } from "#api/core/v1/types.gen";
import type { SecurityProfile } from "#cri";

/** Where localhost seccomp profiles lie. */
const SECCOMP_DIR = "seccomp";

/** Without a profile a container is unconfined, as upstream without `seccompDefault`. */
export function seccompProfile(profile: SeccompProfile | undefined, rootDir = ""): SecurityProfile {
  if (profile?.type === "RuntimeDefault") return { profileType: "RuntimeDefault" };
  if (profile?.type !== "Localhost") return { profileType: "Unconfined" };
  const localhostRef = `${rootDir}/${SECCOMP_DIR}/${profile.localhostProfile ?? ""}`;
  return { profileType: "Localhost", localhostRef };
}

/** Undefined leaves it to the runtime. */
export function apparmorProfile(profile: AppArmorProfile | undefined): SecurityProfile | undefined {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { profileType: "RuntimeDefault" };
    case "Unconfined":
      return { profileType: "Unconfined" };
    case "Localhost":
      return { profileType: "Localhost", localhostRef: profile.localhostProfile ?? "" };
    case undefined:
    default:
      return undefined;
  }
}
