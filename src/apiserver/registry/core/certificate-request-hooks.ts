/** Certificate signing requests: the server writes who made them and when they were judged, and checks who has the key. @module */
import { createPublicKey, verify } from "node:crypto";
import { field, formatTime, invalid, type KubeObject } from "#apimachinery";
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "#api/certificates/v1/types.gen";
import { parseRequest } from "#api/certificates/v1/validation";
import { nothingBegun, type ResourceHooks } from "../resource-hooks.ts";

/** Signature algorithms by object identifier, and their digests; undefined: the algorithm has its own. */
const DIGESTS: Readonly<Record<string, string | undefined>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": undefined,
};
const KIND = { group: "certificates.k8s.io", kind: "CertificateSigningRequest" };

export function certificateRequestHooks(nowMs: () => number): ResourceHooks {
  return {
    beginCreate: (object, { user }) => {
      const csr = object as CertificateSigningRequest;
      checkPossession(csr);
      const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...spec } = csr.spec ?? {};
      const requester = {
        username: user.name,
        groups: user.groups,
        ...(user.uid !== undefined && { uid: user.uid }),
        ...(user.extra !== undefined && { extra: user.extra }),
      };
      return Promise.resolve(nothingBegun({ ...csr, spec: { ...spec, ...requester } } as KubeObject));
    },
    beginUpdate: (object, old) => {
      const [csr, was] = [object as CertificateSigningRequest, old as CertificateSigningRequest];
      return Promise.resolve(nothingBegun(withTimes(csr, was, nowMs())));
    },
  };
}

/** Who signs a request proves to have its private key. A request that cannot be read is validation's matter. */
function checkPossession({ metadata, spec }: CertificateSigningRequest): void {
  const parsed = parseRequest(spec?.request ?? "");
  if (typeof parsed === "string") return;
  const { algorithm, publicKey, signature, toBeSigned } = parsed;
  const problem = !(algorithm in DIGESTS)
    ? "x509: cannot verify signature: algorithm unimplemented"
    : isSigned(DIGESTS[algorithm], publicKey, toBeSigned.raw, signature)
      ? undefined
      : "x509: signature of the certificate request is wrong";
  if (problem === undefined) return;
  throw invalid(KIND, metadata.name, [field.invalid("spec.request", spec.request, problem)]);
}

function isSigned(
  digest: string | undefined,
  publicKey: Uint8Array,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    return verify(digest, signed, key, signature);
  } catch {
    // Whatever the library dislikes about the key: nobody has shown to have its private half.
    return false;
  }
}

/** Conditions without times get them; a condition that only repeats itself keeps the time at which it began. */
function withTimes(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
  nowMs: number,
): CertificateSigningRequest {
  const conditions = csr.status?.conditions;
  if (conditions === undefined || conditions.every(hasTimes)) return csr;
  const now = formatTime(nowMs);
  const timed = conditions.map((condition) => {
    const same = old.status?.conditions?.find(
      ({ type, status }) => type === condition.type && status === condition.status,
    );
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? same?.lastTransitionTime ?? now,
    };
  });
  return { ...csr, status: { ...csr.status, conditions: timed } };
}

function hasTimes({ lastUpdateTime, lastTransitionTime }: CertificateSigningRequestCondition): boolean {
  return lastUpdateTime !== undefined && lastTransitionTime !== undefined;
}
