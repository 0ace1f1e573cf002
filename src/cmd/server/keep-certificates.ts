/** The certificates that this process serves and calls with: renewed in time, and used without a restart. @module */
import { X509Certificate } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { isRenewalDue, type Live } from "#component-base";
import { readBundle, readPair, type PairPem } from "../live-files.ts";

export interface KeptCertificates {
  /** Of connections to this server. */
  readonly serving: PairPem;
  /** PEM bundle: who signs clients, kubelets and this server. The key beside it is that of the first. */
  readonly ca: string;
  /** What the server shows to kubelets. */
  readonly kubeletClient: PairPem;
  /** What it shows to aggregated API servers. Absent: there is none. */
  readonly frontProxyClient: PairPem | undefined;
  /** PEM bundle: who signs front proxies. Absent: there is none. */
  readonly frontProxyCa: string | undefined;
}

/** Files that need not be those of the folder; those of the folder may be missing. */
export interface FrontProxyPaths {
  readonly client: PairPem;
  readonly isClientRequired: boolean;
  readonly ca: string;
  readonly isCaRequired: boolean;
}

export interface RenewOptions {
  readonly certDir: string;
  /** Folder of nodes: the serving certificates in `NODE/pki` are renewed too, for their agents have no authority. */
  readonly nodesDir?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RENEW_CHECK_MS = 60_000;
/** Those of users are renewed at `k8ts start`, which tells their kubeconfig. */
const NAMES = ["apiserver", "apiserver-kubelet-client", "front-proxy-client"] as const;

/** All as the files have them now; throws while they do not fit together. */
export async function readKeptCertificates(
  certDir: string,
  frontProxy: FrontProxyPaths,
): Promise<KeptCertificates> {
  const pair = (name: string): Promise<PairPem> =>
    readPair({ cert: join(certDir, `${name}.crt`), key: join(certDir, `${name}.key`) });
  const [serving, kubeletClient, ca, frontProxyClient, frontProxyCa] = await Promise.all([
    pair("apiserver"),
    pair("apiserver-kubelet-client"),
    readBundle(join(certDir, "ca.crt")),
    ifThere(readPair(frontProxy.client), frontProxy.isClientRequired),
    ifThere(readBundle(frontProxy.ca), frontProxy.isCaRequired),
  ]);
  return { serving, ca, kubeletClient, frontProxyClient, frontProxyCa };
}

async function ifThere<T>(found: Promise<T>, isRequired: boolean): Promise<T | undefined> {
  return found.catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT" && !isRequired) return undefined;
    throw err;
  });
}

/** What the API server shows to kubelets, as it is at the moment. */
export function liveKubeletClient(kept: Live<KeptCertificates>): PairPem & { readonly ca: string } {
  return {
    get cert() {
      return kept.current.kubeletClient.cert;
    },
    get key() {
      return kept.current.kubeletClient.key;
    },
    get ca() {
      return kept.current.ca;
    },
  };
}

/** What it serves with, as it is at the moment. */
export function liveServing(kept: Live<KeptCertificates>): PairPem & { readonly clientCa: string } {
  return {
    get cert() {
      return kept.current.serving.cert;
    },
    get key() {
      return kept.current.serving.key;
    },
    get clientCa() {
      return kept.current.ca;
    },
  };
}

/** Renews what is due, until `signal` aborts; the files tell who follows them. A failure is logged, and tried again. */
export async function renewCertificates(options: RenewOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options;
  while (!signal.aborted) {
    try {
      await renewDue(options);
    } catch (err) {
      logger.error("Renewing certificates failed, trying again", { err });
    }
    await clock.sleep(RENEW_CHECK_MS, signal).catch((err: unknown) => {
      if (!signal.aborted) throw err;
    });
  }
}

async function renewDue({ certDir, nodesDir, clock, logger }: RenewOptions): Promise<void> {
  const files = [
    ...NAMES.map((name) => join(certDir, `${name}.crt`)),
    ...(nodesDir === undefined ? [] : await Array.fromAsync(glob(join(nodesDir, "*/pki/kubelet.crt")))),
  ];
  const due = await Array.fromAsync(dueFiles(files, clock.now()));
  if (due.length === 0) return;
  // The library takes as long to load as the rest of the server, and is needed once in eight months.
  const { renewFile } = await import("#component-base/pki");
  for (const file of due) {
    const name = file.slice(dirname(file).length + 1, -".crt".length);
    const subject = await renewFile(certDir, { name, dir: dirname(file) }, clock);
    logger.info("Renewed a certificate", { file, subject });
  }
}

async function* dueFiles(files: readonly string[], nowMs: number): AsyncGenerator<string> {
  for (const file of files) {
    const pem = await readFile(file).catch((err: NodeJS.ErrnoException) => {
      if (err.code === "ENOENT") return undefined; // nobody gave this cluster one
      throw err;
    });
    if (pem === undefined) continue;
    const { validFromDate, validToDate } = new X509Certificate(pem);
    const life = { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() };
    if (isRenewalDue(life, nowMs)) yield file;
  }
}
