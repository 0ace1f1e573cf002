/** Users that a proxy in front of the server names in headers: it has authenticated them, and proves itself by its certificate. @module */
import { hash, type X509Certificate } from "node:crypto";
import type { Clock } from "#apimachinery";
import type { Authenticator, Credentials, UserInfo } from "../user-info.ts";
import { parse, problemOf, rootsOf, valuesOf } from "./client-certificate.ts";
import type { RequestHeaderOptions } from "./front-proxy-options.ts";
import { TtlCache } from "./ttl-cache.ts";
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
  const roots = rootsOf(options.clientCa);
  const trusted = new TtlCache<boolean>(clock, CACHE_ENTRIES_MAX);
  const isProxy = (der: Uint8Array): boolean => {
    const fingerprint = hash("sha256", der, "hex");
    const known = trusted.get(fingerprint);
    if (known !== undefined) return known;
    const certificate = parse(der);
    if (problemOf(certificate, roots, clock.now()) !== undefined) return false;
    checkName(certificate, options.allowedNames);
    const leftMs = certificate.validToDate.getTime() - clock.now();
    trusted.set(fingerprint, true, Math.min(CACHE_TTL_MS, leftMs));
    return true;
  };
  return {
    async authenticate(credentials) {
      const { clientCertificate } = credentials;
      if (clientCertificate === undefined || !isProxy(clientCertificate)) return undefined;
      return userOf(credentials, options);
    },
  };
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
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

function extraOf(
  lines: readonly HeaderLine[],
  prefixes: readonly string[],
): Readonly<Record<string, readonly string[]>> {
  const extra = new Map<string, string[]>();
  for (const prefix of prefixes) {
    for (const { name, value } of lines) {
      if (!name.startsWith(prefix.toLowerCase())) continue;
      const key = unescapeKey(name.slice(prefix.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    }
  }
  return Object.fromEntries(extra);
}

/** A key that is not escaped as it should be is kept as it stands. */
function unescapeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (err) {
    if (err instanceof URIError) return text;
    throw err;
  }
}

interface HeaderLine {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** Line by line: a group may have a comma in its name, and joined lines would make two of it. */
export function linesOf({ rawHeaders, headers }: Credentials): readonly HeaderLine[] {
  if (rawHeaders !== undefined) {
    return Array.from({ length: rawHeaders.length >> 1 }, (_, i) => ({
      name: rawHeaders[i * 2]!.toLowerCase(),
      value: utf8(rawHeaders[i * 2 + 1]!),
    }));
  }
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => ({ name, value: utf8(one) })),
  );
}

/** Node reads headers byte by byte; clients write them in UTF-8. */
function utf8(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}
