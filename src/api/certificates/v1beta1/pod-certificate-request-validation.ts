/** Rules for PodCertificateRequests. That the requester has the key, and who may answer, is checked by the API server. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import { validateConditions } from "../../meta/v1/condition-validation.ts";
import { all, each, immutable, NONE, obeys, type Causes } from "../../validation/common.ts";
import {
  maxExpirationSecondsOf,
  MIN_EXPIRATION_SECONDS,
} from "../../validation/pod-certificate-projection.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validateSignerName } from "../../validation/signer-name.ts";
import { validateUserAnnotations } from "../../validation/user-annotations.ts";
import { parseRequestDer } from "../der.ts";
import { keyTypeOf, type KeyType } from "../public-key.ts";
import { validateIssuedChain } from "./issued-chain-validation.ts";
import type { PodCertificateRequest, PodCertificateRequestSpec } from "./types.gen.ts";

const UID_BYTES_MAX = 128;
const KEY_BYTES_MAX = 10 * 1024;
const CURVES: readonly string[] = ["P-256", "P-384", "P-521"];
const RSA_BITS: readonly number[] = [3072, 4096];
const FINAL = ["Issued", "Denied", "Failed"] as const;
const CONDITIONS = "status.conditions";
const PKCS10 = "spec.stubPKCS10Request";
const PKIX = "spec.pkixPublicKey";
const UNKNOWN_KEY = "unknown public key type; supported types are Ed25519, ECDSA, and RSA";

export function validatePodCertificateRequestCreate({ spec }: PodCertificateRequest): Causes {
  const { signerName, unverifiedUserAnnotations: annotations, maxExpirationSeconds: seconds } = spec;
  const causes = all(
    validateSignerName(signerName, "spec.signerName"),
    annotations === undefined ? NONE : validateUserAnnotations(annotations, "spec.unverifiedUserAnnotations"),
    validateReference(spec, "pod"),
    validateReference(spec, "serviceAccount"),
    validateReference(spec, "node"),
  );
  if (seconds === undefined) return [...causes, field.required("spec.maxExpirationSeconds", "must be set")];
  const max = maxExpirationSecondsOf(signerName);
  const isInRange = seconds >= MIN_EXPIRATION_SECONDS && seconds <= max;
  const range = `must be in the range [${MIN_EXPIRATION_SECONDS}, ${max}]`;
  return all(
    causes,
    isInRange ? NONE : [field.invalid("spec.maxExpirationSeconds", seconds, range)],
    validateKey(spec),
  );
}

function validateReference(spec: PodCertificateRequestSpec, what: "pod" | "serviceAccount" | "node"): Causes {
  const [name, uid] = [spec[`${what}Name`], spec[`${what}UID`]];
  const uidPath = `spec.${what}UID`;
  return all(
    obeys(isDns1123Subdomain, name, `spec.${what}Name`),
    uid === "" ? [field.invalid(uidPath, uid, "must not be empty")] : NONE,
    uid.length > UID_BYTES_MAX ? [field.tooLong(uidPath, UID_BYTES_MAX)] : NONE,
  );
}

function validateKey(spec: PodCertificateRequestSpec): Causes {
  const { stubPKCS10Request: stub, pkixPublicKey: pkix = "", proofOfPossession: proof = "" } = spec;
  if (stub !== "" && pkix === "" && proof === "") return validateStub(stub);
  if (stub === "" && pkix !== "" && proof !== "") return validatePkix(pkix, proof);
  const detail = "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set";
  return [field.invalidUnshown("spec", detail)];
}

function validateStub(stub: string): Causes {
  const der = Uint8Array.fromBase64(stub);
  if (der.length > KEY_BYTES_MAX) return [field.tooLong(PKCS10, KEY_BYTES_MAX)];
  const request = parseRequestDer(der);
  const key = request && keyTypeOf(request.publicKey);
  if (key === undefined) return [field.invalidUnshown(PKCS10, "must be a valid PKCS#10 CSR")];
  if (key === "unknown") return [field.invalidUnshown(PKCS10, UNKNOWN_KEY)];
  return validateKeyType(key, PKCS10, "elliptic public keys must use curve P256, P384, or P521");
}

/** How requests of v1.35 named their keys. */
function validatePkix(pkix: string, proof: string): Causes {
  const [der, signature] = [Uint8Array.fromBase64(pkix), Uint8Array.fromBase64(proof)];
  if (der.length > KEY_BYTES_MAX) return [field.tooLong(PKIX, KEY_BYTES_MAX)];
  if (signature.length > KEY_BYTES_MAX) return [field.tooLong("spec.proofOfPossession", KEY_BYTES_MAX)];
  const key = keyTypeOf(der);
  if (key === undefined) return [field.invalid(PKIX, pkix, "must be a valid PKIX-serialized public key")];
  if (key === "unknown") return [field.invalid(PKIX, pkix, UNKNOWN_KEY)];
  return validateKeyType(key, PKIX, "elliptic public keys must use curve P256 or P384");
}

function validateKeyType(key: KeyType, path: string, curves: string): Causes {
  if (key.type === "ECDSA" && !CURVES.includes(key.curve))
    return [field.invalid(path, `curve ${key.curve}`, curves)];
  if (key.type === "RSA" && !RSA_BITS.includes(key.bits)) {
    const detail = "RSA keys must have modulus size 3072 or 4096";
    return [field.invalid(path, `${key.bits}-bit modulus`, detail)];
  }
  return NONE;
}

export function validatePodCertificateRequestUpdate(
  request: PodCertificateRequest,
  old: PodCertificateRequest,
): Causes {
  return immutable(request.spec, old.spec, "spec");
}

/** A request is answered once: issued, denied or failed. */
export function validatePodCertificateRequestStatusUpdate(
  request: PodCertificateRequest,
  old: PodCertificateRequest,
): Causes {
  const { status = {} } = request;
  const conditions = status.conditions ?? [];
  const causes = all(validateTypes(conditions), validateConditions(conditions, CONDITIONS));
  if (causes.length > 0) return causes;
  const isSame = semanticEqual(status, old.status ?? {});
  if (verdictOf(old) !== undefined)
    return unless(isSame, "immutable after PodCertificateRequest is issued, denied, or failed");
  const verdict = verdictOf(request);
  if (verdict === undefined) {
    return unless(isSame, 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"');
  }
  if (verdict === "Issued") return validateIssuedChain(old.spec, status);
  const isBare = semanticEqual(status, { conditions });
  return unless(
    isBare,
    "non-condition status fields must be empty when denying or failing the PodCertificateRequest",
  );
}

function unless(isRight: boolean, detail: string): Causes {
  return isRight ? NONE : [field.invalidUnshown("status", detail)];
}

type Verdict = (typeof FINAL)[number];

/** Undefined: nobody has answered yet. */
export function verdictOf({ status }: Pick<PodCertificateRequest, "status">): Verdict | undefined {
  return FINAL.find((type) => status?.conditions?.some((c) => c.type === type && c.status === "True"));
}

type Conditions = NonNullable<NonNullable<PodCertificateRequest["status"]>["conditions"]>;

function validateTypes(conditions: Conditions): Causes {
  return each(conditions, `${CONDITIONS}.`, ({ type, status }, at, i) => {
    if (!isFinal(type)) return [field.notSupported(field.child(at, "type"), type, FINAL)];
    const single = 'There may be at most one condition with type "Issued", "Denied", or "Failed"';
    return all(
      conditions.findIndex((other) => isFinal(other.type)) < i
        ? [field.invalid(field.child(at, "type"), type, single)]
        : NONE,
      status === "True" ? NONE : [field.notSupported(field.child(at, "status"), status, ["True"])],
    );
  });
}

function isFinal(type: string): boolean {
  return (FINAL as readonly string[]).includes(type);
}
