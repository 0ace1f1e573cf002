/** Annotations of pods that mean something: mirror pods, deletion cost, and the old places of seccomp and AppArmor profiles. @module */
import { field, type ObjectMeta } from "#apimachinery";
import type { AppArmorProfile, PodSpec, SeccompProfile, Toleration } from "../core/v1/types.gen.ts";
import { all, NONE, type Causes } from "./common.ts";
import { validateDescendingPath } from "./paths.ts";
import type { PodRules } from "./pod-rules.ts";
import { eachContainer, someContainer } from "./pod-visit.ts";
import { validateTolerations } from "./tolerations.ts";

export const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";
export const SECCOMP_POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod";
export const SECCOMP_CONTAINER_PREFIX = "container.seccomp.security.alpha.kubernetes.io/";
export const APPARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/";
export const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const TOLERATIONS_ANNOTATION = "scheduler.alpha.kubernetes.io/tolerations";

type Annotations = Readonly<Record<string, string>>;

export function validatePodAnnotations(
  annotations: Annotations = {},
  spec: PodSpec,
  path: string,
  rules: PodRules,
): Causes {
  const mirror = annotations[MIRROR_ANNOTATION];
  const cost = annotations[DELETION_COST];
  const needsNode = "must set spec.nodeName if mirror pod annotation is set";
  return all(
    mirror !== undefined && !spec.nodeName
      ? [field.invalid(field.key(path, MIRROR_ANNOTATION), mirror, needsNode)]
      : NONE,
    validateTolerationsAnnotation(annotations[TOLERATIONS_ANNOTATION], path, rules),
    cost !== undefined && !rules.invalidDeletionCost && !isInt32Text(cost)
      ? [field.invalid(field.key(path, DELETION_COST), cost, "must be a 32bit integer")]
      : NONE,
    Object.entries(annotations).flatMap(([key, value]) => validateSeccomp(key, value, path)),
    Object.entries(annotations).flatMap(([key, value]) => validateAppArmor(key, value, spec, path)),
  );
}

const INT32_MAX = 2 ** 31 - 1;

/** As Go parses it: no leading zeros, no plus sign. */
export function isInt32Text(text: string): boolean {
  const value = Number(text);
  return /^(?:0|-\d+|[1-9]\d*)$/.test(text) && value <= INT32_MAX && value >= -INT32_MAX - 1;
}

function validateTolerationsAnnotation(text: string | undefined, path: string, rules: PodRules): Causes {
  if (!text) return NONE;
  try {
    const list = JSON.parse(text) as unknown;
    if (!Array.isArray(list)) throw new SyntaxError("must be a list of tolerations");
    const tolerations = (list as readonly Toleration[]).filter((t) => typeof t === "object" && t !== null);
    return validateTolerations(tolerations, field.child(path, TOLERATIONS_ANNOTATION), rules);
  } catch (err) {
    if (!(err instanceof SyntaxError)) throw err;
    return [field.invalid(path, TOLERATIONS_ANNOTATION, err.message)];
  }
}

function validateSeccomp(key: string, profile: string, path: string): Causes {
  if (key !== SECCOMP_POD_ANNOTATION && !key.startsWith(SECCOMP_CONTAINER_PREFIX)) return NONE;
  const at = field.child(path, key);
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return NONE;
  if (profile.startsWith("localhost/")) return validateDescendingPath(profile.slice("localhost/".length), at);
  return [field.invalid(at, profile, "must be a valid seccomp profile")];
}

function validateAppArmor(key: string, profile: string, spec: PodSpec, path: string): Causes {
  if (!key.startsWith(APPARMOR_PREFIX)) return NONE;
  const at = field.key(path, key);
  const name = key.slice(APPARMOR_PREFIX.length);
  const isKnown = ["", "runtime/default", "unconfined"].includes(profile) || profile.startsWith("localhost/");
  return all(
    someContainer(spec, (container) => container.name === name)
      ? NONE
      : [field.invalid(at, name, "container not found")],
    isKnown
      ? NONE
      : [field.invalid(at, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`)],
  );
}

const PREFIX = "localhost/";
const ANNOTATION_OF: Readonly<Record<string, readonly string[]>> = {
  Unconfined: ["unconfined"],
  RuntimeDefault: ["runtime/default", "docker/default"],
};

/** Where a profile stands in both places, both must name the same. */
export function validateProfilesMatch(
  meta: Partial<ObjectMeta> | undefined,
  spec: PodSpec,
  path: string,
): Causes {
  const { annotations = {} } = meta ?? {};
  const ofPod = annotations[SECCOMP_POD_ANNOTATION];
  const podProfile = spec.securityContext?.seccompProfile;
  const at = field.child(path, "securityContext", "seccompProfile");
  const isWindows = spec.os?.name === "windows";
  return all(
    ofPod === undefined || podProfile === undefined ? NONE : matches(ofPod, podProfile, "seccomp", at),
    eachContainer(spec, path, (container, p) => {
      const annotation = annotations[SECCOMP_CONTAINER_PREFIX + container.name];
      const profile = container.securityContext?.seccompProfile;
      if (annotation === undefined || profile === undefined) return NONE;
      return matches(annotation, profile, "seccomp", field.child(p, "securityContext", "seccompProfile"));
    }),
    isWindows
      ? NONE
      : eachContainer(spec, path, (container, p) => {
          const annotation = annotations[APPARMOR_PREFIX + container.name];
          const profile = container.securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
          if (annotation === undefined || profile === undefined) return NONE;
          return matches(
            annotation,
            profile,
            "apparmor",
            field.child(p, "securityContext", "appArmorProfile"),
          );
        }),
  );
}

function matches(
  annotation: string,
  { type, localhostProfile }: SeccompProfile | AppArmorProfile,
  what: "seccomp" | "apparmor",
  path: string,
): Causes {
  const wrongType = [
    field.forbidden(field.child(path, "type"), `${what} type in annotation and field must match`),
  ];
  if (type === "Localhost") {
    if (!annotation.startsWith(PREFIX)) return wrongType;
    const message = `${what} profile in annotation and field must match`;
    const isSame = localhostProfile !== undefined && annotation.slice(PREFIX.length) === localhostProfile;
    return isSame ? NONE : [field.forbidden(field.child(path, "localhostProfile"), message)];
  }
  const known = ANNOTATION_OF[type];
  if (known === undefined) return NONE;
  const allowed = what === "seccomp" ? known : known.slice(0, 1);
  return allowed.includes(annotation) ? NONE : wrongType;
}

const isFixed = (key: string): boolean => key === MIRROR_ANNOTATION || key.startsWith(APPARMOR_PREFIX);
const what = (key: string): string =>
  key === MIRROR_ANNOTATION ? "mirror pod annotation" : "AppArmor annotations";

/** Updates of pods keep what marks a mirror pod, and AppArmor profiles. */
export function validateAnnotationUpdate(now: Annotations = {}, old: Annotations = {}, path: string): Causes {
  return all(
    Object.keys(old)
      .filter((key) => isFixed(key) && now[key] !== old[key])
      .map((key) => field.forbidden(field.key(path, key), `may not remove or update ${what(key)}`)),
    Object.keys(now)
      .filter((key) => isFixed(key) && !(key in old))
      .map((key) => field.forbidden(field.key(path, key), `may not add ${what(key)}`)),
  );
}
