/** Projected volumes: secrets, config maps, downward API and tokens in one folder. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import type { ProjectedVolumeSource, VolumeProjection } from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, type Causes } from "./common.ts";
import { validateDownwardFile, validateKeyToPath, validateLocalPath, validateMode } from "./volume-files.ts";

const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;

export function validateProjected(projected: ProjectedVolumeSource, path: string): Causes {
  const paths = new Set<string>();
  return all(
    validateMode(projected.defaultMode, field.child(path, "defaultMode")),
    each(projected.sources, field.child(path, "sources"), (source, at) =>
      validateProjection(source, at, path, paths),
    ),
  );
}

function validateProjection(
  source: VolumeProjection,
  at: string,
  volumePath: string,
  paths: Set<string>,
): Causes {
  const { secret, configMap, downwardAPI, serviceAccountToken: token, clusterTrustBundle: bundle } = source;
  const count = Object.values(source).filter((value) => value !== undefined).length;
  const conflict = (target: string, shown: string): Causes => {
    if (target === "") return NONE;
    if (paths.has(target)) return [field.invalid(volumePath, shown, "conflicting duplicate paths")];
    paths.add(target);
    return NONE;
  };
  const files = (given: typeof secret, name: string): Causes =>
    given === undefined
      ? NONE
      : all(
          given.name ? NONE : [field.required(field.child(at, name, "name"))],
          each(given.items, field.child(at, name, "items"), (item, p) =>
            all(validateKeyToPath(item, p), conflict(item.path, given.name ?? "")),
          ),
        );
  return all(
    files(secret, "secret"),
    files(configMap, "configMap"),
    (downwardAPI?.items ?? []).flatMap((file) =>
      all(validateDownwardFile(file, field.child(at, "downwardAPI")), conflict(file.path, file.path)),
    ),
    token === undefined ? NONE : validateToken(token, field.child(at, "serviceAccountToken"), volumePath),
    bundle === undefined ? NONE : validateBundle(bundle, field.child(at, "clusterTrustBundle")),
    count > 1 ? [field.forbidden(at, "may not specify more than 1 volume type")] : NONE,
  );
}

function validateToken(
  token: NonNullable<VolumeProjection["serviceAccountToken"]>,
  path: string,
  volumePath: string,
): Causes {
  const seconds = token.expirationSeconds ?? TOKEN_SECONDS_MIN;
  const at = field.child(path, "expirationSeconds");
  return all(
    seconds < TOKEN_SECONDS_MIN
      ? [field.invalid(at, seconds, "may not specify a duration less than 10 minutes")]
      : NONE,
    seconds > TOKEN_SECONDS_MAX
      ? [field.invalid(at, seconds, "may not specify a duration larger than 2^32 seconds")]
      : NONE,
    token.path
      ? validateLocalPath(token.path, field.child(volumePath, "path"))
      : [field.required(field.child(volumePath, "path"))],
  );
}

function validateBundle(bundle: NonNullable<VolumeProjection["clusterTrustBundle"]>, path: string): Causes {
  const { name, signerName } = bundle;
  if (name !== undefined && signerName !== undefined) {
    return [field.invalid(path, bundle, "only one of name and signerName may be used")];
  }
  if (name === undefined && signerName === undefined) {
    return [field.required(path, "either name or signerName must be specified")];
  }
  if (name !== undefined) {
    const at = field.child(path, "name");
    if (name === "") return [field.required(at, "must be a valid object name")];
    return name.includes(":") ? NONE : obeys(isDns1123Subdomain, name, at);
  }
  return signerName === ""
    ? [field.required(field.child(path, "signerName"), "must be a valid signer name")]
    : NONE;
}
