/** Keeps a certificate of the kubelet fresh: requests the first one, and each next one before the last has ended. @module */
import { X509Certificate } from "node:crypto";
import type { Clock, Logger } from "#apimachinery";
import type { Client } from "#client";
import type { CertificateReporter } from "./certificate-metrics.ts";
import type { CertificateStore, StoredPair } from "./certificate-store.ts";
import { rotationDeadlineMs, satisfies, type CertificateTemplate } from "./plan.ts";
import { requestCertificate } from "./request-certificate.ts";

export interface CertificateManagerOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly store: CertificateStore;
  readonly signerName: string;
  readonly usages: readonly string[];
  /** What the certificate is to say now; undefined: not known yet. */
  readonly template: () => CertificateTemplate | undefined;
  /** Told of the pair that is used from now on. */
  readonly onPair?: (pair: StoredPair) => void;
  /**
   * PEM of the authority that signs at the moment. A certificate of another one is replaced though it is not old; asked for
   * once, for the signer may be somebody else.
   */
  readonly authority?: () => Promise<string | undefined>;
  readonly metrics?: CertificateReporter;
}

/** Upstream's. */
const ISSUE_TIMEOUT_MS = 15 * 60_000;
const BACKOFF = { initialMs: 2_000, factor: 2, jitter: 0.1, maxMs: 32_000 };
/** How often a deadline, a template that may change and the files, which others may write, are looked at. */
const CHECK_MS = 10_000;
const UNKNOWN_CHECK_MS = 1_000;

/** Until `signal` aborts. Failures are logged and tried again: the old certificate is good for a while. */
export async function keepCertificate(
  options: CertificateManagerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, store, template, metrics } = options;
  let pair: StoredPair | undefined;
  const use = (next: StoredPair | undefined): void => {
    if (next === undefined || next.certificatePem === pair?.certificatePem) return;
    pair = next;
    metrics?.uses(pair.leaf);
    options.onPair?.(pair);
  };
  const authorities = newAuthorities(options);
  let part = random();
  for (let failures = 0; !signal.aborted;) {
    use(await store.adopt(clock.now()));
    const wanted = template();
    const isForeign = await authorities.isForeign(pair);
    const dueMs = (now: CertificateTemplate): number =>
      isForeign ? 0 : dueInMs(pair, now, part, clock.now());
    const waitMs = wanted === undefined ? UNKNOWN_CHECK_MS : dueMs(wanted);
    if (wanted === undefined || waitMs > 0) {
      await pause(clock, Math.min(waitMs, CHECK_MS), signal);
      continue;
    }
    const renewed = await rotate(options, wanted, signal);
    if (renewed === undefined) {
      if (!signal.aborted) metrics?.failed();
      const delayMs = Math.min(BACKOFF.initialMs * BACKOFF.factor ** failures++, BACKOFF.maxMs);
      await pause(clock, delayMs * (1 + BACKOFF.jitter * random()), signal);
      continue;
    }
    if (pair !== undefined) metrics?.rotated((clock.now() - pair.leaf.validFromDate.getTime()) / 1_000);
    use(renewed);
    authorities.answered();
    failures = 0;
    part = random();
  }
}

/** Knows which authority signs, and for which one a certificate was asked already. */
function newAuthorities({ authority }: CertificateManagerOptions): {
  isForeign(pair: StoredPair | undefined): Promise<boolean>;
  answered(): void;
} {
  let current: string | undefined;
  let answered: string | undefined;
  return {
    async isForeign(pair) {
      current = await authority?.();
      if (pair === undefined || current === undefined || current === answered) return false;
      return !pair.leaf.verify(new X509Certificate(current).publicKey);
    },
    answered: () => void (answered = current),
  };
}

/** 0 or less: now. */
function dueInMs(
  pair: StoredPair | undefined,
  wanted: CertificateTemplate,
  part: number,
  nowMs: number,
): number {
  if (pair === undefined || !satisfies(pair.leaf, wanted)) return 0;
  return rotationDeadlineMs(pair.leaf, part) - nowMs;
}

/** Undefined: it failed. */
async function rotate(
  { client, clock, logger, store, signerName, usages }: CertificateManagerOptions,
  wanted: CertificateTemplate,
  signal: AbortSignal,
): Promise<StoredPair | undefined> {
  const limit = new AbortController();
  const timer = clock.after(ISSUE_TIMEOUT_MS, () =>
    limit.abort(new Error(`no certificate in ${ISSUE_TIMEOUT_MS / 60_000} minutes`)),
  );
  try {
    const { createCertificateRequest } = await import("#component-base/pki");
    const { requestPem, privateKeyPem } = await createCertificateRequest(wanted);
    const until = AbortSignal.any([signal, limit.signal]);
    const certificate = await requestCertificate(client, { requestPem, signerName, usages }, until);
    const pair = await store.update(certificate, privateKeyPem, clock.now());
    logger.info("Certificate rotated", { signerName, notAfter: pair.leaf.validTo });
    return pair;
  } catch (err) {
    if (!signal.aborted) logger.error("Certificate request was not signed", { signerName, err });
    return undefined;
  } finally {
    timer.cancel();
  }
}

/** Returns early, and quietly, when `signal` aborts. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((err: unknown) => {
    if (!signal.aborted) throw err;
  });
}
