/** Whether a client certificate leads to an authority that is trusted: by itself, or by others that the client showed with it. @module */
import { X509Certificate } from "node:crypto";

export type Verdict =
  /** When the first certificate of the chain ends. */
  { readonly endMs: number } | { readonly problem: string };

/** As Go's: who makes many authorities of one name must not keep us busy. */
const SIGNATURE_CHECKS_MAX = 100;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE = "2.5.29.37.0";
const TOO_MANY = "too many intermediate certificates for the path length of an authority";
const UNKNOWN_AUTHORITY = "the certificate was signed by an unknown authority";

type PathLengthOf = (certificate: X509Certificate) => number | undefined;

/** `shown`: what came besides `leaf`, in DER and in any order. Throws when something of it is no certificate. */
export async function judge(
  leaf: X509Certificate,
  shown: readonly Uint8Array[],
  roots: readonly X509Certificate[],
  nowMs: number,
): Promise<Verdict> {
  const direct = verifyChain(leaf, [], roots, () => undefined, nowMs);
  if (shown.length === 0 || "endMs" in direct) return direct;
  const intermediates = shown.map((der) => new X509Certificate(der));
  // Few clients show any, and the library takes as long to load as the rest of a server.
  const { pathLengthOf } = await import("#component-base/pki");
  return verifyChain(leaf, intermediates, roots, ({ raw }) => pathLengthOf(new Uint8Array(raw)), nowMs);
}

/** Go's `x509.Certificate.Verify` for client authentication; constraints of names are left to the handshake. */
function verifyChain(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  pathLengthOf: PathLengthOf,
  nowMs: number,
): Verdict {
  const timing = timeProblem(leaf, nowMs);
  if (timing !== undefined) return { problem: timing };
  const search = new Search(intermediates, roots, pathLengthOf, nowMs);
  const found = search.from([leaf]);
  return found === undefined ? { problem: search.problem } : { endMs: Math.min(...found.map(endOf)) };
}

class Search {
  /** Of the candidate that was looked at last; nobody but the server's log is told. */
  problem = UNKNOWN_AUTHORITY;
  readonly #intermediates: readonly X509Certificate[];
  readonly #roots: readonly X509Certificate[];
  readonly #pathLengthOf: PathLengthOf;
  readonly #nowMs: number;
  #checksLeft = SIGNATURE_CHECKS_MAX;

  constructor(
    intermediates: readonly X509Certificate[],
    roots: readonly X509Certificate[],
    pathLengthOf: PathLengthOf,
    nowMs: number,
  ) {
    this.#intermediates = intermediates;
    this.#roots = roots;
    this.#pathLengthOf = pathLengthOf;
    this.#nowMs = nowMs;
  }

  /** The whole chain, its root last. */
  from(chain: readonly X509Certificate[]): readonly X509Certificate[] | undefined {
    const last = chain.at(-1)!;
    for (const root of this.#roots) {
      const whole = this.#hasSigned(root, last) ? this.#extended(chain, root) : undefined;
      if (whole !== undefined && this.#isForClients(whole)) return whole;
    }
    for (const certificate of this.#intermediates) {
      if (isIn(certificate, chain) || !this.#hasSigned(certificate, last)) continue;
      const longer = certificate.ca ? this.#extended(chain, certificate) : undefined;
      if (!certificate.ca) this.problem = "an intermediate certificate may not sign others";
      const whole = longer && this.from(longer);
      if (whole !== undefined) return whole;
    }
    return undefined;
  }

  /** Undefined where the issuer may not stand there. */
  #extended(
    chain: readonly X509Certificate[],
    issuer: X509Certificate,
  ): readonly X509Certificate[] | undefined {
    const between = chain.length - 1;
    const isTooFar = between > 0 && between > (this.#pathLengthOf(issuer) ?? Infinity);
    const problem = timeProblem(issuer, this.#nowMs) ?? (isTooFar ? TOO_MANY : undefined);
    if (problem === undefined) return [...chain, issuer];
    this.problem = problem;
    return undefined;
  }

  #hasSigned(issuer: X509Certificate, certificate: X509Certificate): boolean {
    if (!certificate.checkIssued(issuer)) return false;
    this.#checksLeft -= 1;
    return this.#checksLeft >= 0 && certificate.verify(issuer.publicKey);
  }

  /** Usages of authorities bound those of what they sign. Absent: usable for everything. */
  #isForClients(chain: readonly X509Certificate[]): boolean {
    const isGood = chain.every((certificate) => {
      const usages = certificate.keyUsage as readonly string[] | undefined;
      return usages === undefined || usages.includes(CLIENT_AUTH) || usages.includes(ANY_USAGE);
    });
    if (!isGood) this.problem = "the certificate is not for client authentication";
    return isGood;
  }
}

function isIn({ fingerprint256 }: X509Certificate, chain: readonly X509Certificate[]): boolean {
  return chain.some((other) => other.fingerprint256 === fingerprint256);
}

function endOf({ validToDate }: X509Certificate): number {
  return validToDate.getTime();
}

function timeProblem({ validFromDate, validToDate }: X509Certificate, nowMs: number): string | undefined {
  const isValid = nowMs >= validFromDate.getTime() && nowMs <= validToDate.getTime();
  return isValid ? undefined : "the certificate has expired or is not yet valid";
}
