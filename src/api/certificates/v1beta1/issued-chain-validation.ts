/** Rules for the certificates that answer a PodCertificateRequest. How near they begin to now is checked by the API server. @module */
import { field, formatDuration, parseTime } from "#apimachinery";
import { all, NONE, type Causes } from "../../validation/common.ts";
import { parseCertificateDer, parseRequestDer, type ParsedCertificate } from "../der.ts";
import { pemBlocks } from "../pem.ts";
import type { PodCertificateRequestSpec, PodCertificateRequestStatus } from "./types.gen.ts";

const CHAIN_BYTES_MAX = 100 * 1024;
const LIFETIME_MS_MIN = 3_600_000;
const REFRESH_MARGIN_MS = 600_000;
const CHAIN = "status.certificateChain";
const NOT_BEFORE = "status.notBefore";
const NOT_AFTER = "status.notAfter";
const REFRESH = "status.beginRefreshAt";
const EMAIL = /^[^\s@]+@[^\s@]+$/;
const ONLY_CERTIFICATES = "issued certificate chain must consist entirely of CERTIFICATE PEM blocks";

/** The first thing that is wrong, as upstream. */
export function validateIssuedChain(
  spec: PodCertificateRequestSpec,
  status: PodCertificateRequestStatus,
): Causes {
  const { certificateChain: chain = "" } = status;
  if (chain.length > CHAIN_BYTES_MAX) return [field.tooLong(CHAIN, CHAIN_BYTES_MAX)];
  const refuse = (detail: string): Causes => [field.invalid(CHAIN, chain, detail)];
  const [leafBlock, ...others] = pemBlocks(chain);
  if (leafBlock === undefined)
    return refuse("issued certificate chain must contain at least one certificate");
  if (leafBlock.type !== "CERTIFICATE") return refuse(ONLY_CERTIFICATES);
  const leaf = parseCertificateDer(leafBlock.der);
  if (leaf === undefined) return refuse("leaf certificate does not parse as valid X.509");
  const names = validateNames(leaf);
  if (!isSameKey(requestedKey(spec), leaf.publicKey))
    return [...names, ...refuse("leaf certificate was not issued to the requested public key")];
  const times = all(names, validateTimes(status, leaf, spec.maxExpirationSeconds ?? 0));
  if (times.length > 0) return times;
  for (const { type, der } of others) {
    if (type !== "CERTIFICATE") return refuse(ONLY_CERTIFICATES);
    if (parseCertificateDer(der) === undefined)
      return refuse("intermediate certificate does not parse as valid X.509");
  }
  return NONE;
}

function validateNames({ dnsNames, emailAddresses }: ParsedCertificate): Causes {
  return [
    ...dnsNames.flatMap((name) =>
      all(
        name === "" ? wrong(name, " should not contain empty DNSName") : NONE,
        name.includes("..") ? wrong(name, "'s DNSName should not contain '..'") : NONE,
        name.startsWith(".") || name.endsWith(".")
          ? wrong(name, "'s DNSName should not start or end with '.'")
          : NONE,
      ),
    ),
    ...emailAddresses.flatMap((address) =>
      EMAIL.test(address) ? NONE : wrong(address, " should not contain invalid EmailAddress"),
    ),
  ];
}

function wrong(name: string, why: string): Causes {
  return [field.invalid(CHAIN, name, `leaf certificate${why}`)];
}

function requestedKey({
  stubPKCS10Request: stub,
  pkixPublicKey: pkix,
}: PodCertificateRequestSpec): Uint8Array {
  if (stub) return parseRequestDer(Uint8Array.fromBase64(stub))?.publicKey ?? new Uint8Array();
  return Uint8Array.fromBase64(pkix ?? "");
}

function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function validateTimes(
  { notBefore, notAfter, beginRefreshAt }: PodCertificateRequestStatus,
  leaf: ParsedCertificate,
  maxSeconds: number,
): Causes {
  const consistent = "must be present and consistent with the issued certificate";
  const between = "must be present and in the range [notbefore+10min, notafter-10min]";
  if (notBefore === undefined || notAfter === undefined || beginRefreshAt === undefined) {
    return all(
      notBefore === undefined ? [field.required(NOT_BEFORE, consistent)] : NONE,
      notAfter === undefined ? [field.required(NOT_AFTER, consistent)] : NONE,
      beginRefreshAt === undefined ? [field.required(REFRESH, between)] : NONE,
    );
  }
  if (parseTime(notBefore) !== leaf.notBeforeMs) {
    const detail = "must be set to the NotBefore time encoded in the leaf certificate";
    return [field.invalid(NOT_BEFORE, notBefore, detail)];
  }
  if (parseTime(notAfter) !== leaf.notAfterMs) {
    const detail = "must be set to the NotAfter time encoded in the leaf certificate";
    return [field.invalid(NOT_AFTER, notAfter, detail)];
  }
  const lifetimeMs = leaf.notAfterMs - leaf.notBeforeMs;
  const lifetime = formatDuration(lifetimeMs);
  if (lifetimeMs < LIFETIME_MS_MIN)
    return [field.invalid(CHAIN, lifetime, "leaf certificate lifetime must be >= 1 hour")];
  if (lifetimeMs > maxSeconds * 1000) {
    const detail = `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${maxSeconds})`;
    return [field.invalid(CHAIN, lifetime, detail)];
  }
  const refreshMs = parseTime(beginRefreshAt);
  if (refreshMs < leaf.notBeforeMs + REFRESH_MARGIN_MS)
    return [field.invalid(REFRESH, beginRefreshAt, "must be at least 10 minutes after status.notBefore")];
  if (refreshMs > leaf.notAfterMs - REFRESH_MARGIN_MS)
    return [field.invalid(REFRESH, beginRefreshAt, "must be at least 10 minutes before status.notAfter")];
  return NONE;
}
