/** Certificate signing requests: the server writes who made them and when they were judged, and checks who has the key. @module */
import { field, formatTime, invalid, type KubeObject } from "#apimachinery";
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "#api/certificates/v1/types.gen";
import { parseRequest } from "#api/certificates/v1/validation";
import { nothingBegun, type ResourceHooks } from "../resource-hooks.ts";
import { signatureProblem } from "./request-signature.ts";

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
  const problem = signatureProblem(parsed);
  if (problem === undefined) return;
  throw invalid(KIND, metadata.name, [field.invalid("spec.request", spec.request, problem)]);
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
