/** Files that may change while a process runs, certificates above all: read again and again, used when they are whole. @module */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock, Logger } from "#apimachinery";
import type { LiveValue } from "#component-base";

/** Upstream learns of a change from the file system, and looks once a minute besides. */
const CHECK_MS = 5_000;

export interface PairPem {
  readonly cert: string;
  readonly key: string;
}

export interface FollowOptions<T> {
  /** Throws while the files are not good; what is in use stays. */
  readonly read: () => Promise<T>;
  /** For logs. */
  readonly what: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Until `signal` aborts: `live` is set when what `read` gives has changed. What is wrong with the files is logged once. */
export async function followFiles<T>(
  live: LiveValue<T>,
  { read, what, clock, logger }: FollowOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  let known = JSON.stringify(live.current);
  let problem = "";
  while (!signal.aborted) {
    try {
      const now = await read();
      const text = JSON.stringify(now);
      problem = "";
      if (text !== known) {
        known = text;
        live.set(now);
        logger.info(`${what} changed, and what changed is in use`);
      }
    } catch (err) {
      const text = (err as Error).message;
      if (text !== problem) logger.error(`${what} could not be read again`, { err });
      problem = text;
    }
    await clock.sleep(CHECK_MS, signal).catch((err: unknown) => {
      if (!signal.aborted) throw err;
    });
  }
}

/** Throws when they do not belong together, as in the moment between the two writes. */
export async function readPair(paths: PairPem): Promise<PairPem> {
  const [cert, key] = await Promise.all([readFile(paths.cert, "utf8"), readFile(paths.key, "utf8")]);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error(`the key ${paths.key} is not that of the certificate ${paths.cert}`);
  return { cert, key };
}

/** Throws for a file without a certificate. */
export async function readBundle(path: string): Promise<string> {
  const text = await readFile(path, "utf8");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new Error(`${path} has no certificate`);
  return text;
}
