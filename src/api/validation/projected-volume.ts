/** Projected volumes: secrets, config maps, downward API and tokens in one folder. @module */
import { field } from "#apimachinery";
import type { ProjectedVolumeSource, VolumeProjection } from "../core/v1/types.gen.ts";
import { all, each, NONE, type Causes } from "./common.ts";
import { validateLocalPath } from "./paths.ts";
import { validatePodCertificateProjection } from "./pod-certificate-projection.ts";
import { validateTrustBundleProjection } from "./trust-bundle-projection.ts";
import type { PodRules } from "./pod-rules.ts";
import { validateDownwardFile, validateKeyToPath, validateMode } from "./volume-files.ts";

const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;

/** Says whether another source of the volume has the path already; `shown` stands in the message. */
type ClaimPath = (target: string, shown: string) => Causes;

export function validateProjected(projected: ProjectedVolumeSource, path: string, rules: PodRules): Causes {
  const paths = new Set<string>();
  const claim: ClaimPath = (target, shown) => {
    if (target === "") return NONE;
    if (paths.has(target)) return [field.invalid(path, shown, "conflicting duplicate paths")];
    paths.add(target);
    return NONE;
  };
  return all(
    validateMode(projected.defaultMode, field.child(path, "defaultMode")),
    each(projected.sources, field.child(path, "sources"), (source, at) =>
      validateProjection(source, at, path, claim, rules),
    ),
  );
}

function validateProjection(
  source: VolumeProjection,
  at: string,
  volumePath: string,
  claim: ClaimPath,
  rules: PodRules,
): Causes {
  const { downwardAPI, serviceAccountToken: token, clusterTrustBundle: bundle, podCertificate } = source;
  const count = Object.values(source).filter((value) => value !== undefined).length;
  const files = (name: "secret" | "configMap"): Causes => {
    const given = source[name];
    if (given === undefined) return NONE;
    return all(
      given.name ? NONE : [field.required(field.child(at, name, "name"))],
      each(given.items, field.child(at, name, "items"), (item, p) =>
        all(validateKeyToPath(item, p), claim(item.path, given.name ?? "")),
      ),
    );
  };
  return all(
    files("secret"),
    files("configMap"),
    (downwardAPI?.items ?? []).flatMap((file) =>
      all(validateDownwardFile(file, field.child(at, "downwardAPI")), claim(file.path, file.path)),
    ),
    token === undefined
      ? NONE
      : validateToken(token, field.child(at, "serviceAccountToken"), volumePath, rules.nonLocalTokenPath),
    bundle === undefined
      ? NONE
      : all(
          validateTrustBundleProjection(bundle, field.child(at, "clusterTrustBundle")),
          claim(bundle.path, bundle.path),
        ),
    podCertificate === undefined
      ? NONE
      : validatePodCertificateProjection(podCertificate, field.child(at, "podCertificate"), (p) =>
          claim(p, p),
        ),
    count > 1 ? [field.forbidden(at, "may not specify more than 1 volume type per source")] : NONE,
  );
}

function validateToken(
  token: NonNullable<VolumeProjection["serviceAccountToken"]>,
  path: string,
  volumePath: string,
  anyPath: boolean,
): Causes {
  const seconds = token.expirationSeconds ?? 0;
  const at = field.child(path, "expirationSeconds");
  return all(
    seconds < TOKEN_SECONDS_MIN
      ? [field.invalid(at, seconds, "may not specify a duration less than 10 minutes")]
      : NONE,
    seconds > TOKEN_SECONDS_MAX
      ? [field.invalid(at, seconds, "may not specify a duration larger than 2^32 seconds")]
      : NONE,
    token.path === ""
      ? [field.required(field.child(volumePath, "path"))]
      : anyPath
        ? NONE
        : validateLocalPath(token.path, field.child(volumePath, "path")),
  );
}
