/** The certificates of a node's parts: who shows which, and that they are renewed before they end. @module */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { newClient } from "#client";
import { newHttpTransport, type HttpTransport } from "#client/node";
import {
  certificateBlocks,
  LiveValue,
  type HttpCertificates,
  type Live,
  type Metrics,
  type TaskGroup,
} from "#component-base";
import {
  type CertificateMetrics,
  CertificateStore,
  keepClientCertificate,
  keepComponentCertificate,
  keepServingCertificate,
} from "#kubelet";
import { followFiles, readBundle, readPair, type PairPem } from "../live-files.ts";

interface ServingPaths {
  readonly clientCaFile: string | undefined;
  readonly tlsCertFile: string | undefined;
  readonly tlsPrivateKeyFile: string | undefined;
}

export interface NodeIdentity {
  readonly server: string;
  readonly nodeName: string;
  readonly nodeIPs: readonly string[];
  readonly certDir: string;
  /** What kubelet serves with and whom it believes, where that is not in `certDir`. */
  readonly files?: ServingPaths;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: CertificateMetrics;
  /** Counts the requests of the API server. */
  readonly clientMetrics: Metrics;
}

/** Whose client certificates a node may ask for, as the launcher makes them too. */
const SUBJECTS = {
  "kube-proxy": { commonName: "system:kube-proxy", organizations: [] },
  coredns: {
    commonName: "system:serviceaccount:kube-system:coredns",
    organizations: ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
  },
} as const;

/** Acts as the node; there must be a certificate. `tasks` renews it, and the next connection shows the new one. */
export async function nodeTransport(identity: NodeIdentity, tasks: TaskGroup): Promise<HttpTransport> {
  const { certDir, clock } = identity;
  const store = new CertificateStore(certDir, "kubelet-client");
  if ((await store.adopt(clock.now())) === undefined)
    throw new Error(`no kubelet-client certificate in ${certDir}; a node that joins needs --token`);
  const transport = transportOf(identity, store);
  const client = newClient(transport, { userAgent: "kubelet" });
  const more = { authority: authorityOf(identity), metrics: identity.metrics.client };
  const options = { ...identity, ...more, client, store, onPair: () => transport.renew() };
  tasks.start("kubelet client certificate", (stop) => keepClientCertificate(options, stop));
  return transport;
}

/** Acts as kube-proxy or CoreDNS; resolves when there is a certificate, which the node requests if nobody made one. */
export async function componentTransport(
  identity: NodeIdentity,
  name: keyof typeof SUBJECTS,
  node: HttpTransport,
  tasks: TaskGroup,
): Promise<HttpTransport> {
  const store = new CertificateStore(identity.certDir, name);
  const transport = transportOf(identity, store);
  const first = Promise.withResolvers<void>();
  const client = newClient(node, { userAgent: "kubelet" });
  const onPair = (): void => {
    transport.renew();
    first.resolve();
  };
  const { metrics: _kubeletAlone, clientMetrics: _shown, ...who } = identity;
  const options = {
    ...who,
    client,
    store,
    onPair,
    subject: SUBJECTS[name],
    authority: authorityOf(identity),
  };
  tasks.start(`${name} certificate`, (stop) => keepComponentCertificate(options, stop));
  tasks.signal.addEventListener("abort", () => first.resolve(), { once: true });
  await first.promise;
  return transport;
}

/**
 * What a node serves with: the files that were given to the kubelet, or else a certificate that somebody has to approve; and whom
 * it believes.
 */
export async function servingCertificate(
  identity: NodeIdentity,
  isRequested: boolean,
  node: HttpTransport,
  tasks: TaskGroup,
): Promise<Live<HttpCertificates>> {
  const { clock, logger, metrics } = identity;
  const read = (): Promise<HttpCertificates> => readServing(identity, isRequested);
  const files = new LiveValue(await read());
  const served = new LiveValue(files.current);
  const told = ({ cert }: HttpCertificates): void => {
    if (cert !== undefined) metrics.server.uses(new X509Certificate(cert));
  };
  told(files.current);
  files.follow((now) => {
    told(now);
    served.set({ ...served.current, ...now });
  }, tasks.signal);
  const follow = { read, what: "The kubelet's certificates", clock, logger };
  tasks.start("kubelet certificate files", (stop) => followFiles(files, follow, stop));
  if (files.current.cert !== undefined) return served;
  const use = (pair: PairPem): void => served.set({ ...served.current, ...pair });
  const options = servingOptions(identity, node, use);
  const current = await options.store.adopt(clock.now());
  if (current === undefined)
    logger.warn("No serving certificate yet: approve the node's request (kubectl get csr)");
  else use({ cert: current.certificatePem, key: current.privateKeyPem });
  tasks.start("kubelet serving certificate", (stop) => keepServingCertificate(options, stop));
  return served;
}

type ServingOptions = Parameters<typeof keepServingCertificate>[0];

/** For a certificate that the node requests. */
function servingOptions(
  identity: NodeIdentity,
  node: HttpTransport,
  use: (pair: PairPem) => void,
): ServingOptions {
  const { certDir, nodeIPs, nodeName, metrics } = identity;
  return {
    ...identity,
    client: newClient(node, { userAgent: "kubelet" }),
    store: new CertificateStore(certDir, "kubelet-server"),
    authority: authorityOf(identity),
    metrics: metrics.server,
    addresses: () => [
      ...nodeIPs.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: nodeName },
    ],
    onPair: ({ certificatePem, privateKeyPem }) => use({ cert: certificatePem, key: privateKeyPem }),
  };
}

/** The first of the cluster's authorities is the one that signs; the others are believed. */
function authorityOf({ certDir }: NodeIdentity): () => Promise<string | undefined> {
  return async () => certificateBlocks(await readFile(join(certDir, "ca.crt"), "utf8"))[0];
}

function transportOf(
  { server, certDir, clock, random, clientMetrics: metrics }: NodeIdentity,
  { currentPath: file }: CertificateStore,
): HttpTransport {
  const clientCertificate = { cert: { file }, key: { file } };
  return newHttpTransport(
    { server, ca: { file: join(certDir, "ca.crt") }, clientCertificate },
    { clock, random, metrics },
  );
}

async function readServing(
  { certDir, files }: NodeIdentity,
  isRequested: boolean,
): Promise<HttpCertificates> {
  const path = (name: string): string => join(certDir, name);
  const clientCA = await readBundle(files?.clientCaFile ?? path("ca.crt"));
  if (isRequested) return { clientCA };
  const cert = files?.tlsCertFile ?? path("kubelet.crt");
  const key = files?.tlsPrivateKeyFile ?? path("kubelet.key");
  try {
    return { clientCA, ...(await readPair({ cert, key })) };
  } catch (err) {
    if (files?.tlsCertFile !== undefined || (err as NodeJS.ErrnoException).code !== "ENOENT") throw err;
    return { clientCA };
  }
}
