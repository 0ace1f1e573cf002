/** Finds out, with a bootstrap token, whether the server at an address is the cluster's: what `kubeadm join` does. @module */
import { createHash, X509Certificate } from "node:crypto";
import { type Clock, type Logger } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { newClient } from "#client";
import { newHttpTransport, parseKubeconfig, type ClientConfig } from "#client/node";
import { detachedSignature } from "#component-base";

export interface DiscoveryOptions {
  readonly server: string;
  readonly token: string;
  /** `sha256:HEX` of the authority's public key. None: whoever has a token's signature is believed, `isUnpinned` says that is meant. */
  readonly caCertHashes: readonly string[];
  readonly isUnpinned: boolean;
  /** How long is waited for the server, and for the signature. Default: kubeadm's 5 minutes. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_MS = 5_000;
const TIMEOUT_MS = 300_000;
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const CONFIG_MAP = { namespace: "kube-public", name: "cluster-info" };
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The cluster's authority, PEM. Nothing secret is sent before it is known. */
export async function discoverCluster(options: DiscoveryOptions, signal: AbortSignal): Promise<string> {
  const { server, token, caCertHashes, isUnpinned } = options;
  const [, id, secret] = TOKEN.exec(token) ?? [];
  if (id === undefined || secret === undefined)
    throw new Error('the bootstrap token was not of the form "[a-z0-9]{6}.[a-z0-9]{16}"');
  const pins = caCertHashes.map(parsePin);
  if (pins.length === 0 && !isUnpinned)
    throw new Error(
      "using token-based discovery without --discovery-token-ca-cert-hash can be unsafe. Set --discovery-token-unsafe-skip-ca-verification to continue",
    );
  const insecure = await clusterInfo({ server, insecureSkipTlsVerify: true }, id, options, signal);
  const kubeconfig = verifiedKubeconfig(insecure, id, secret);
  const ca = await authorityOf(kubeconfig);
  if (pins.length === 0) return ca;
  checkPins(ca, pins);
  const secure = await clusterInfo({ server, ca }, id, options, signal);
  if (secure["kubeconfig"] !== kubeconfig)
    throw new Error(
      "the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first",
    );
  return ca;
}

type Data = Readonly<Record<string, string>>;

/** Asks until the token's signature is there: the signer may need a moment. */
async function clusterInfo(
  config: ClientConfig,
  tokenId: string,
  { clock, logger, timeoutMs = TIMEOUT_MS }: DiscoveryOptions,
  signal: AbortSignal,
): Promise<Data> {
  const transport = newHttpTransport(config, { clock });
  const client = newClient(transport, { userAgent: "k8ts-join" });
  const untilMs = clock.monotonicMs() + timeoutMs;
  try {
    for (;;) {
      const problem = await client.get(ConfigMaps, CONFIG_MAP, signal).then(
        ({ data = {} }) => {
          if (data[`jws-kubeconfig-${tokenId}`] !== undefined) return data;
          return new Error(
            `could not find a JWS signature in the cluster-info ConfigMap for token ID ${JSON.stringify(tokenId)}`,
          );
        },
        (cause: unknown) => new Error("failed to request the cluster-info ConfigMap", { cause }),
      );
      if (!(problem instanceof Error)) return problem;
      signal.throwIfAborted();
      if (clock.monotonicMs() > untilMs) throw problem;
      logger.info("Waiting for the cluster's information", { err: problem });
      await clock.sleep(RETRY_MS, signal);
    }
  } finally {
    await transport.close();
  }
}

/** The kubeconfig that somebody who knows the token has signed. */
export function verifiedKubeconfig(data: Data, id: string, secret: string): string {
  const kubeconfig = data["kubeconfig"] ?? "";
  if (kubeconfig === "") {
    throw new Error(
      "there is no kubeconfig key in the cluster-info ConfigMap. This API Server isn't set up for token bootstrapping, can't connect",
    );
  }
  if (data[`jws-kubeconfig-${id}`] !== detachedSignature(kubeconfig, id, secret)) {
    throw new Error(
      "failed to verify JWS signature of received cluster info object, can't trust this API Server",
    );
  }
  return kubeconfig;
}

async function authorityOf(text: string): Promise<string> {
  const { clusters } = await parseKubeconfig(text, "/cluster-info");
  const [cluster] = clusters.values();
  const data = cluster?.["certificate-authority-data"] ?? "";
  if (data === "") throw new Error("malformed kubeconfig in the cluster-info ConfigMap");
  return Buffer.from(data, "base64").toString();
}

function parsePin(text: string): string {
  const [format, value = "", ...more] = text.split(":");
  if (more.length > 0 || value === "")
    throw new Error('invalid hash, expected "format:hex-value". Known format(s) are: sha256');
  if (format?.toLowerCase() !== "sha256")
    throw new Error(`unknown hash format ${JSON.stringify(format)}. Known format(s) are: sha256`);
  if (!/^[0-9a-f]{64}$/i.test(value)) throw new Error(`invalid hash ${JSON.stringify(text)}`);
  return value.toLowerCase();
}

export function checkPins(ca: string, pins: readonly string[]): void {
  const hashes = (ca.match(CERTIFICATE) ?? []).map(publicKeyHash);
  if (hashes.some((hash) => pins.includes(hash))) return;
  const shown = hashes.map((hash) => `sha256:${hash}`).join(":");
  throw new Error(
    `cluster CA found in cluster-info ConfigMap is invalid: none of the public keys ${JSON.stringify(shown)} are pinned`,
  );
}

function publicKeyHash(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("hex");
}
