/** Seccomp and AppArmor profiles in the runtime's form. Pure. @module */
import type { AppArmorProfile, SeccompProfile } from "#api/core/v1/types.gen";
import type { SecurityProfile } from "#cri";
import { join } from "node:path";
import { ConfigError } from "../env/make-environment.ts";

/** Where localhost seccomp profiles lie. */
const SECCOMP_DIR = "seccomp";

/** Without a profile a container is unconfined, unless the node has `seccompDefault`. Throws `ConfigError`. */
export function seccompProfile(
  profile: SeccompProfile | undefined,
  rootDir: string,
  seccompDefault = false,
): SecurityProfile {
  if (profile === undefined) return { profileType: seccompDefault ? "RuntimeDefault" : "Unconfined" };
  if (profile.type === "RuntimeDefault") return { profileType: "RuntimeDefault" };
  if (profile.type !== "Localhost") return { profileType: "Unconfined" };
  if (profile.localhostProfile === undefined || profile.localhostProfile === "")
    throw new ConfigError("localhostProfile must be set if seccompProfile type is Localhost.");
  return {
    profileType: "Localhost",
    localhostRef: join(rootDir, SECCOMP_DIR, profile.localhostProfile),
  };
}

interface AppArmor {
  readonly apparmor: SecurityProfile;
  /** For runtimes that do not know the other. */
  readonly apparmorProfile: string;
}

/** Undefined leaves it to the runtime. Throws `ConfigError`. */
export function apparmorProfile(profile: AppArmorProfile | undefined): AppArmor | undefined {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { apparmor: { profileType: "RuntimeDefault" }, apparmorProfile: "runtime/default" };
    case "Unconfined":
      return { apparmor: { profileType: "Unconfined" }, apparmorProfile: "unconfined" };
    case "Localhost": {
      const { localhostProfile: localhostRef } = profile;
      if (localhostRef === undefined) throw new ConfigError("missing localhost apparmor profile name");
      return {
        apparmor: { profileType: "Localhost", localhostRef },
        apparmorProfile: `localhost/${localhostRef}`,
      };
    }
    case undefined:
    default:
      return undefined;
  }
}
