/** Rules for CertificateSigningRequests. That the requester has the key is checked by the API server. @module */
import { field } from "#apimachinery";
import { decodeBase64 } from "../../core/v1/base64.ts";
import { each, NONE, type Causes } from "../../validation/common.ts";
import { validateSignerName } from "../../validation/signer-name.ts";
import { parseCertificateDer, parseRequestDer, type ParsedRequest } from "../der.ts";
import { pemBlocks } from "../pem.ts";
import type { CertificateSigningRequest } from "./types.gen.ts";

const EXPIRATION_SECONDS_MIN = 600;
const LEGACY_UNKNOWN = "kubernetes.io/legacy-unknown";
const CONDITIONS = "status.conditions";
const VERDICTS = ["Approved", "Denied"] as const;
const USAGES: readonly string[] = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];

/** Or why it is none. */
export function parseRequest(request: string): ParsedRequest | string {
  const [block] = pemBlocks(decodeBase64(request) ?? "");
  if (block?.type !== "CERTIFICATE REQUEST") return "PEM block type must be CERTIFICATE REQUEST";
  return parseRequestDer(block.der) ?? "x509: malformed certificate request";
}

export function validateCertificateSigningRequest({ spec, status }: CertificateSigningRequest): Causes {
  const { usages = [], expirationSeconds: seconds } = spec;
  const parsed = parseRequest(spec.request);
  return [
    ...(typeof parsed === "string" ? [field.invalid("spec.request", spec.request, parsed)] : NONE),
    ...(usages.length === 0 ? [field.required("spec.usages")] : NONE),
    ...each(usages, "spec.usages", (usage, at) =>
      USAGES.includes(usage) ? NONE : [field.notSupported(at, usage, USAGES)],
    ),
    ...each(usages, "spec.usages", (usage, at, i) =>
      usages.indexOf(usage) < i ? [field.duplicate(at, usage)] : NONE,
    ),
    ...validateSignerName(spec.signerName, "spec.signerName"),
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

export function validateCertificateSigningRequestCreate({ spec }: CertificateSigningRequest): Causes {
  if (spec.signerName !== LEGACY_UNKNOWN) return NONE;
  const detail = "the legacy signerName is not allowed via this API version";
  return [field.invalid("spec.signerName", spec.signerName, detail)];
}

type Conditions = NonNullable<NonNullable<CertificateSigningRequest["status"]>["conditions"]>;

function validateConditions(conditions: Conditions): Causes {
  const types = new Set(conditions.map((condition) => condition.type));
  return [
    ...each(conditions, CONDITIONS, ({ type, status }, at, i) => {
      const allowed = [...VERDICTS, "Failed"].includes(type) ? ["True"] : ["False", "True", "Unknown"];
      const repeated = conditions.findIndex((other) => other.type === type) < i;
      const statusPath = field.child(at, "status");
      return [
        ...(type === "" ? [field.required(field.child(at, "type"))] : NONE),
        ...(status === "" ? [field.required(statusPath)] : NONE),
        ...(status !== "" && !allowed.includes(status)
          ? [field.notSupported(statusPath, status, allowed)]
          : NONE),
        ...(repeated ? [field.duplicate(field.child(at, "type"), type)] : NONE),
      ];
    }),
    ...(types.has("Approved") && types.has("Denied")
      ? [
          field.invalid(
            CONDITIONS,
            conditions.findLast(isVerdict)!.type,
            "Approved and Denied conditions are mutually exclusive",
          ),
        ]
      : NONE),
  ];
}

/** Whole objects and approvals: who approved, denied or gave up may not take it back. */
export function validateCertificateSigningRequestUpdate(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
): Causes {
  return [...VERDICTS, "Failed"]
    .filter((type) => conditionOf(old, type) !== undefined && conditionOf(csr, type) === undefined)
    .map((type) => field.forbidden(CONDITIONS, `updates may not remove a condition of type "${type}"`));
}

/** Signers write certificates, once, and no verdicts. */
export function validateCertificateSigningRequestStatusUpdate(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
): Causes {
  const { certificate = "" } = csr.status ?? {};
  const { certificate: was = "" } = old.status ?? {};
  const path = "status.certificate";
  return [
    ...validateConditions(csr.status?.conditions ?? []),
    ...(certificate === was ? NONE : validateCertificate(certificate, path)),
    ...validateCertificateSigningRequestUpdate(csr, old),
    ...VERDICTS.filter((type) => !conditionOf(old, type) && conditionOf(csr, type)).map((type) =>
      field.forbidden(CONDITIONS, `updates may not add a condition of type "${type}"`),
    ),
    ...(certificate !== was && was !== ""
      ? [field.forbidden(path, "updates may not modify existing certificate content")]
      : NONE),
  ];
}

function validateCertificate(certificate: string, path: string): Causes {
  if (certificate === "") return NONE;
  const blocks = pemBlocks(decodeBase64(certificate) ?? "");
  const refuse = (why: string): Causes => [field.invalid(path, "<certificate data>", why)];
  for (const { type, hasHeaders, der } of blocks) {
    if (type !== "CERTIFICATE")
      return refuse(`only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`);
    if (hasHeaders) return refuse("no PEM block headers are permitted");
    if (parseCertificateDer(der) === undefined) return refuse("x509: malformed certificate");
  }
  return blocks.length === 0 ? refuse("must contain at least one CERTIFICATE PEM block") : NONE;
}

function conditionOf({ status }: CertificateSigningRequest, type: string): Conditions[number] | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isVerdict({ type }: { readonly type: string }): boolean {
  return type === "Approved" || type === "Denied";
}
