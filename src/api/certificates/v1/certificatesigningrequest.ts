/** CertificateSigningRequest asks a signer for a certificate. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { humanDuration } from "../../printing/human-duration.ts";
import type { CertificateSigningRequest } from "./types.gen.ts";
import {
  isVerdict,
  validateCertificateSigningRequest,
  validateCertificateSigningRequestCreate,
  validateCertificateSigningRequestStatusUpdate,
  validateCertificateSigningRequestUpdate,
} from "./validation.ts";

export const CertificateSigningRequests: Kind<CertificateSigningRequest> = {
  group: "certificates.k8s.io",
  version: "v1",
  kind: "CertificateSigningRequest",
  names: { plural: "certificatesigningrequests", singular: "certificatesigningrequest", short: ["csr"] },
  scope: "Cluster",
  subresources: ["status", "approval"],
  nameRule: "path-segment",
  validate: validateCertificateSigningRequest,
  validateCreate: validateCertificateSigningRequestCreate,
  validateUpdate: validateCertificateSigningRequestUpdate,
  validateStatusUpdate: validateCertificateSigningRequestStatusUpdate,
  strategy: {
    // The request is what was asked for, by whom it was asked: nothing of it changes.
    prepareForUpdate: (csr, old) => ({ ...csr, spec: old.spec }),
    prepareForStatusUpdate: keepVerdict,
  },
  selectableFields: { "spec.signerName": (csr) => csr.spec.signerName },
  columns: [
    nameColumn,
    ageColumn,
    text("SignerName", (csr) => csr.spec.signerName || "<none>"),
    text("Requestor", (csr) => csr.spec.username ?? ""),
    text("RequestedDuration", ({ spec: { expirationSeconds } }) =>
      expirationSeconds === undefined ? "<none>" : humanDuration(expirationSeconds * 1000),
    ),
    text("Condition", condition),
  ],
};

function condition({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status?.conditions?.some((c) => c.type === type) ?? false;
  const verdict = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending";
  return `${verdict}${has("Failed") ? ",Failed" : ""}${status?.certificate ? ",Issued" : ""}`;
}

/** Verdicts that a signer sends along stay as the approver wrote them; one more or one less is refused by validation. */
function keepVerdict(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
): CertificateSigningRequest {
  if (csr.status?.conditions === undefined) return csr;
  const verdicts = new Map((old.status?.conditions ?? []).filter(isVerdict).map((c) => [c.type, c]));
  const conditions = csr.status.conditions.map((c) => verdicts.get(c.type) ?? c);
  return { ...csr, status: { ...csr.status, conditions } };
}
