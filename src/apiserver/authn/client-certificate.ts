/** Users by client certificate: the common name is the user, the organisations are the groups. @module */
import { hash, X509Certificate } from "node:crypto";
import type { Clock } from "#apimachinery";
import { TtlCache } from "#component-base";
import type { SecurityMetrics } from "../security-metrics.ts";
import type { Authenticator, UserInfo } from "../user-info.ts";
import { judge } from "./certificate-chain.ts";
import { unauthorized } from "./unauthorized.ts";

export interface ClientCertificateOptions {
  /** PEM, one or more certificates that chains may end in. A function is asked at every request. */
  readonly ca: string | (() => string);
  readonly clock: Clock;
  readonly metrics?: Pick<SecurityMetrics, "observe">;
}

/** Checking a signature costs 0.1 ms; a connection shows the same certificate with every request. */
const CACHE_ENTRIES_MAX = 1_024;
const CACHE_TTL_MS = 60_000;

export function clientCertificate({ ca, clock, metrics }: ClientCertificateOptions): Authenticator {
  const observe = (endMs: number): void =>
    metrics?.observe("apiserver_client_certificate_expiration_seconds", {}, (endMs - clock.now()) / 1000);
  const trust = liveTrust(ca, () => new TtlCache<Known>(() => clock.now(), CACHE_ENTRIES_MAX));
  return {
    async authenticate({ clientCertificate: der, clientIntermediates: shown = [], clientCertificateError }) {
      if (der === undefined) return undefined;
      if (clientCertificateError !== undefined) throw unauthorized(new Error(clientCertificateError));
      const { roots, known: cache } = trust();
      const fingerprint = hash("sha256", der, "hex");
      const key = cacheKey(fingerprint, shown);
      const known = cache.get(key);
      if (known !== undefined) {
        observe(known.endMs);
        return known.user;
      }
      const certificate = parse(der);
      const endMs = await endOfChain(certificate, shown, roots, clock.now());
      if (valuesOf(certificate, "CN").length === 0)
        throw unauthorized(new Error("the certificate has no common name"));
      const user = userOf(certificate, fingerprint);
      cache.set(key, { user, endMs }, Math.min(CACHE_TTL_MS, endMs - clock.now()));
      observe(endMs);
      return user;
    },
  };
}

interface Known {
  readonly user: UserInfo;
  /** Of the first certificate of the chain that ends. */
  readonly endMs: number;
}

interface Trust<T> {
  readonly roots: readonly X509Certificate[];
  /** What was decided with these roots, and is forgotten with them. */
  readonly known: T;
}

/** The roots as they are now; parsed once for each text. */
export function liveTrust<T>(ca: string | (() => string), newCache: () => T): () => Trust<T> {
  let text: string | undefined;
  let trust: Trust<T>;
  return () => {
    const now = typeof ca === "string" ? ca : ca();
    if (now !== text) trust = { roots: rootsOf(now), known: newCache() };
    text = now;
    return trust;
  };
}

/** All certificates of a PEM bundle. */
function rootsOf(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/** Throws Unauthorized for bytes that are no certificate. */
export function parse(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw unauthorized(cause);
  }
}

/** When the chain stops being good. Throws Unauthorized where there is none. */
export async function endOfChain(
  certificate: X509Certificate,
  shown: readonly Uint8Array[],
  roots: readonly X509Certificate[],
  nowMs: number,
): Promise<number> {
  const verdict = await judge(certificate, shown, roots, nowMs).catch((err: unknown) => {
    throw unauthorized(err);
  });
  if ("endMs" in verdict) return verdict.endMs;
  throw unauthorized(new Error(verdict.problem));
}

/** The same certificate is good with one chain and not with another. */
export function cacheKey(fingerprint: string, shown: readonly Uint8Array[]): string {
  return [fingerprint, ...shown.map((der) => hash("sha256", der, "hex"))].join(" ");
}

function userOf(certificate: X509Certificate, fingerprint: string): UserInfo {
  return {
    name: valuesOf(certificate, "CN").at(-1)!,
    groups: valuesOf(certificate, "O"),
    extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] },
  };
}

export function valuesOf(certificate: X509Certificate, attribute: "CN" | "O"): readonly string[] {
  const subject = certificate.toLegacyObject().subject as unknown as Record<
    string,
    string | string[] | undefined
  >;
  const values = subject[attribute] ?? [];
  return [values].flat().filter((value) => value !== "");
}
