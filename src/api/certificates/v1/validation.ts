/** Rules for CertificateSigningRequests. The request itself is parsed by the signers. @module */
import { field } from "#apimachinery";
import { decodeBase64 } from "../../core/v1/base64.ts";
import { each, NONE, type Causes } from "../../validation/common.ts";
import { validateDomainPrefixedPath } from "../../validation/references.ts";
import type { CertificateSigningRequest } from "./types.gen.ts";

const EXPIRATION_SECONDS_MIN = 600;
const SIGNER_BYTES_MAX = 571;
const PEM =
  /^\s*-----BEGIN CERTIFICATE REQUEST-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE REQUEST-----\s*$/;

export function validateCertificateSigningRequest({ spec, status }: CertificateSigningRequest): Causes {
  const { usages = [], signerName, expirationSeconds: seconds } = spec;
  const seen = new Set<string>();
  return [
    ...(PEM.test(decodeBase64(spec.request) ?? "")
      ? NONE
      : [field.invalid("spec.request", spec.request, "PEM block type must be CERTIFICATE REQUEST")]),
    ...(usages.length === 0 ? [field.required("spec.usages")] : NONE),
    ...each(usages, "spec.usages", (usage, at) => {
      if (seen.has(usage)) return [field.duplicate(at, usage)];
      seen.add(usage);
      return NONE;
    }),
    ...validateDomainPrefixedPath(signerName, "spec.signerName"),
    ...(signerName.length > SIGNER_BYTES_MAX ? [field.tooLong("spec.signerName", SIGNER_BYTES_MAX)] : NONE),
    ...(seconds !== undefined && seconds < EXPIRATION_SECONDS_MIN
      ? [
          field.invalid(
            "spec.expirationSeconds",
            seconds,
            "may not specify a duration less than 600 seconds (10 minutes)",
          ),
        ]
      : NONE),
    ...validateConditions(status?.conditions ?? []),
  ];
}

type Conditions = NonNullable<NonNullable<CertificateSigningRequest["status"]>["conditions"]>;

function validateConditions(conditions: Conditions): Causes {
  const path = "status.conditions";
  const types = new Set(conditions.map((condition) => condition.type));
  return [
    ...each(conditions, path, ({ type, status }, at, i) => {
      const verdict = type === "Approved" || type === "Denied" || type === "Failed";
      const repeated = conditions.findIndex((other) => other.type === type) < i;
      const statusPath = field.child(at, "status");
      return [
        ...(type === "" ? [field.required(field.child(at, "type"))] : NONE),
        ...(repeated ? [field.duplicate(field.child(at, "type"), type)] : NONE),
        ...(status === ""
          ? [field.required(statusPath)]
          : verdict && status !== "True"
            ? [field.notSupported(statusPath, status, ["True"])]
            : NONE),
      ];
    }),
    ...(types.has("Approved") && types.has("Denied")
      ? [field.invalid(path, "Denied", "Approved and Denied conditions are mutually exclusive")]
      : NONE),
  ];
}

/** Who approved or denied may not take it back. */
export function validateCertificateSigningRequestUpdate(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
): Causes {
  const kept = new Set((csr.status?.conditions ?? []).map((condition) => condition.type));
  return (old.status?.conditions ?? [])
    .filter(({ type }) => !kept.has(type))
    .map(({ type }) =>
      field.forbidden("status.conditions", `updates may not remove a condition of type "${type}"`),
    );
}
