/** Users that a proxy in front of the server names in headers: it has authenticated them, and proves itself by its certificate. @module */
import { hash, type X509Certificate } from "node:crypto";
import { reasonOf, unless, type Clock } from "#apimachinery";
import { TtlCache } from "#component-base";
import type { Authenticator, Credentials, UserInfo } from "../user-info.ts";
import { cacheKey, endOfChain, liveTrust, parse, valuesOf } from "./client-certificate.ts";
import type { RequestHeaderOptions } from "./front-proxy-options.ts";
import { extraOf, linesOf } from "./header-lines.ts";
import { unauthorized } from "./unauthorized.ts";

/** Proxies keep their connections: few certificates are seen. */
const CACHE_ENTRIES_MAX = 256;
const CACHE_TTL_MS = 60_000;

/**
 * Without a certificate of the proxies' own authority the headers are nothing: the chain goes on. A proxy whose name is
 * not allowed is refused unless its certificate is good for something else.
 */
export function frontProxy(
  options: RequestHeaderOptions,
  { clock }: { readonly clock: Clock },
): Authenticator {
  const trust = liveTrust(
    () => options.clientCa,
    () => new TtlCache<boolean>(() => clock.now(), CACHE_ENTRIES_MAX),
  );
  const isProxy = async (der: Uint8Array, shown: readonly Uint8Array[]): Promise<boolean> => {
    const { roots, known: trusted } = trust();
    const key = cacheKey(hash("sha256", der, "hex"), shown);
    const known = trusted.get(key);
    if (known !== undefined) return known;
    const certificate = parse(der);
    const endMs = await unless(isUnauthorized, endOfChain(certificate, shown, roots, clock.now()));
    if (endMs === undefined) return false;
    checkName(certificate, options.allowedNames);
    trusted.set(key, true, Math.min(CACHE_TTL_MS, endMs - clock.now()));
    return true;
  };
  return {
    async authenticate(credentials) {
      const { clientCertificate, clientIntermediates = [], clientCertificateError } = credentials;
      if (clientCertificate === undefined || clientCertificateError !== undefined) return undefined;
      if (!(await isProxy(clientCertificate, clientIntermediates))) return undefined;
      return userOf(credentials, options);
    },
  };
}

function isUnauthorized(err: unknown): boolean {
  return reasonOf(err) === "Unauthorized";
}

function checkName(certificate: X509Certificate, allowed: readonly string[]): void {
  const name = valuesOf(certificate, "CN").at(-1) ?? "";
  if (allowed.length === 0 || allowed.includes(name)) return;
  throw unauthorized(new Error(`x509: subject with cn=${name} is not in the allowed list`));
}

function userOf(credentials: Credentials, options: RequestHeaderOptions): UserInfo | undefined {
  const lines = linesOf(credentials);
  const valuesOfName = (name: string): readonly string[] =>
    lines.filter((line) => line.name === name.toLowerCase() && line.value !== "").map(({ value }) => value);
  // The first name that has a value decides, and of that name the first value.
  const first = (names: readonly string[]): string | undefined => names.flatMap(valuesOfName)[0];
  const name = first(options.usernameHeaders);
  if (name === undefined) return undefined;
  const uid = first(options.uidHeaders);
  const extra = extraOf(lines, options.extraHeaderPrefixes);
  return {
    name,
    ...(uid !== undefined && { uid }),
    groups: options.groupHeaders.flatMap(valuesOfName),
    ...(extra !== undefined && { extra }),
  };
}
