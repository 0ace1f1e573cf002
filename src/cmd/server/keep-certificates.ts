/** The certificates that this process serves and calls with: renewed in time, and used without a restart. @module */
import { X509Certificate } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { isRenewalDue } from "#component-base";

export interface KeptCertificates {
  /** Of connections to this server. */
  readonly serving: PairPem;
  /** What the server shows to kubelets; read at every call. */
  readonly kubeletClient: PairPem;
  /** What it shows to aggregated API servers; read at every call. Absent: the folder has none. */
  readonly frontProxyClient: PairPem | undefined;
}

export interface PairPem {
  readonly cert: string;
  readonly key: string;
}

export interface KeepOptions {
  readonly certDir: string;
  /** Folder of nodes: the serving certificates in `NODE/pki` are renewed too, for their agents have no authority. */
  readonly nodesDir?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of a new serving certificate, whoever wrote it. */
  readonly onServing: (pair: PairPem) => void;
}

/** Files are looked at this often; others (`k8ts certs renew`) write them too. */
const CHECK_MS = 60_000;
/** Those of users are renewed at `k8ts start`, which tells their kubeconfig. */
const NAMES = ["apiserver", "apiserver-kubelet-client", "front-proxy-client"] as const;

export async function readKeptCertificates(certDir: string): Promise<KeptCertificates> {
  const kubeletClient = await readPair(certDir, "apiserver-kubelet-client");
  const frontProxyClient = await readPair(certDir, "front-proxy-client").catch(
    (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOENT") return undefined;
      throw err;
    },
  );
  return { serving: await readPair(certDir, "apiserver"), kubeletClient, frontProxyClient };
}

/** What the API server shows to kubelets, as it is at the moment. */
export function liveKubeletClient(
  kept: { readonly current: KeptCertificates },
  ca: string,
): PairPem & { readonly ca: string } {
  return {
    get cert() {
      return kept.current.kubeletClient.cert;
    },
    get key() {
      return kept.current.kubeletClient.key;
    },
    ca,
  };
}

/** Until `signal` aborts; `kept` shows what is used from then on. A failure is logged, and tried again. */
export async function keepCertificates(
  options: KeepOptions,
  kept: { current: KeptCertificates },
  signal: AbortSignal,
): Promise<void> {
  const { certDir, clock, logger, onServing } = options;
  for (;;) {
    try {
      await renewDue(options);
      const now = await readKeptCertificates(certDir);
      const isNew = now.serving.cert !== kept.current.serving.cert;
      kept.current = now;
      if (isNew) {
        onServing(now.serving);
        logger.info("The serving certificate was replaced");
      }
    } catch (err) {
      logger.error("Renewing certificates failed, trying again", { err });
    }
    await clock.sleep(CHECK_MS, signal).catch((err: unknown) => {
      if (!signal.aborted) throw err;
    });
    if (signal.aborted) return;
  }
}

async function renewDue({ certDir, nodesDir, clock, logger }: KeepOptions): Promise<void> {
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

async function readPair(dir: string, name: string): Promise<PairPem> {
  const [cert, key] = await Promise.all(
    ["crt", "key"].map((suffix) => readFile(join(dir, `${name}.${suffix}`), "utf8")),
  );
  return { cert: cert!, key: key! };
}
