/** Certificates of pods in projected volumes: of whom, with what key, for how long, and in which files. @module */
import { field } from "#apimachinery";
import type { PodCertificateProjection } from "../core/v1/types.gen.ts";
import { all, NONE, type Causes } from "./common.ts";
import { validateLocalPath } from "./paths.ts";
import { validateSignerName } from "./signer-name.ts";
import { validateUserAnnotations } from "./user-annotations.ts";

const KEY_TYPES: readonly string[] = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
const PATHS = ["credentialBundlePath", "keyPath", "certificateChainPath"] as const;
export const MIN_EXPIRATION_SECONDS = 3600;
const MAX_EXPIRATION_SECONDS = 91 * 24 * 3600;
const KUBERNETES_MAX_EXPIRATION_SECONDS = 24 * 3600;

/** Signers of Kubernetes itself give certificates for a day at most. */
export function maxExpirationSecondsOf(signerName: string): number {
  const domain = signerName.split("/", 1)[0]!;
  const isOwn = domain === "kubernetes.io" || domain.endsWith(".kubernetes.io");
  return isOwn ? KUBERNETES_MAX_EXPIRATION_SECONDS : MAX_EXPIRATION_SECONDS;
}

/** `claim` says whether another source of the volume has a path already. */
export function validatePodCertificateProjection(
  source: PodCertificateProjection,
  at: string,
  claim: (path: string) => Causes,
): Causes {
  const { signerName, keyType, userAnnotations } = source;
  const given = PATHS.filter((name) => source[name]);
  return all(
    validateSignerName(signerName, field.child(at, "signerName")),
    userAnnotations === undefined
      ? NONE
      : validateUserAnnotations(userAnnotations, field.child(at, "userAnnotations")),
    KEY_TYPES.includes(keyType) ? NONE : [field.notSupported(field.child(at, "keyType"), keyType, KEY_TYPES)],
    validateExpiration(source, field.child(at, "maxExpirationSeconds")),
    given.flatMap((name) => {
      const path = source[name]!;
      return all(validateLocalPath(path, field.child(at, name)), claim(path));
    }),
    given.length === 0
      ? [
          field.required(
            at,
            "specify at least one of credentialBundlePath, keyPath, and certificateChainPath",
          ),
        ]
      : NONE,
  );
}

function validateExpiration(
  { maxExpirationSeconds: seconds, signerName }: PodCertificateProjection,
  at: string,
): Causes {
  if (seconds === undefined) return NONE;
  const max = maxExpirationSecondsOf(signerName);
  const limit =
    seconds < MIN_EXPIRATION_SECONDS
      ? `>= ${MIN_EXPIRATION_SECONDS}`
      : seconds > max
        ? `<= ${max}`
        : undefined;
  return limit === undefined
    ? NONE
    : [field.invalid(at, seconds, `if provided, maxExpirationSeconds must be ${limit}`)];
}
