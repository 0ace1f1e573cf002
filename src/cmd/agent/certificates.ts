/** The certificates of a node's parts: who shows which, and that they are renewed before they end. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { newClient } from "#client";
import { newHttpTransport, type HttpTransport } from "#client/node";
import type { TaskGroup } from "#component-base";
import {
  CertificateStore,
  keepClientCertificate,
  keepComponentCertificate,
  keepServingCertificate,
  type KubeletServerOptions,
} from "#kubelet";

export interface NodeIdentity {
  readonly server: string;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly certDir: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Whose client certificates a node may ask for, as the launcher makes them too. */
const SUBJECTS = {
  "kube-proxy": { commonName: "system:kube-proxy", organizations: [] },
  coredns: {
    commonName: "system:serviceaccount:kube-system:coredns",
    organizations: ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
  },
} as const;

/** How often the files of a serving certificate are looked at that somebody else renews. */
const FILE_CHECK_MS = 60_000;

/** Acts as the node; there must be a certificate. `tasks` renews it, and the next connection shows the new one. */
export async function nodeTransport(identity: NodeIdentity, tasks: TaskGroup): Promise<HttpTransport> {
  const { certDir, clock } = identity;
  const store = new CertificateStore(certDir, "kubelet-client");
  if ((await store.adopt(clock.now())) === undefined)
    throw new Error(`no kubelet-client certificate in ${certDir}; a node that joins needs --token`);
  const transport = transportOf(identity, store);
  const client = newClient(transport, { userAgent: "kubelet" });
  const options = { ...identity, client, store, onPair: () => transport.renew() };
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
  const options = { ...identity, client, store, onPair, subject: SUBJECTS[name] };
  tasks.start(`${name} certificate`, (stop) => keepComponentCertificate(options, stop));
  tasks.signal.addEventListener("abort", () => first.resolve(), { once: true });
  await first.promise;
  return transport;
}

/** What kubelet serves with: the files that were given to it, or else a certificate that somebody has to approve. */
export async function servingCertificate(
  identity: NodeIdentity,
  isRequested: boolean,
  node: HttpTransport,
  tasks: TaskGroup,
): Promise<Pick<KubeletServerOptions, "cert" | "key" | "onCertificate">> {
  const { certDir, clock, logger } = identity;
  const given = isRequested ? undefined : await readGiven(certDir);
  let use: ((pair: { readonly cert: string; readonly key: string }) => void) | undefined;
  const onCertificate = (listener: NonNullable<typeof use>): void => void (use = listener);
  if (given !== undefined) {
    tasks.start("kubelet serving certificate", async (stop) => {
      for (let shown = given; !stop.aborted;) {
        await clock.sleep(FILE_CHECK_MS, stop);
        const now = (await readGiven(certDir)) ?? shown;
        if (now.cert === shown.cert) continue;
        use?.((shown = now));
        logger.info("The serving certificate was replaced");
      }
    });
    return { ...given, onCertificate };
  }
  const store = new CertificateStore(certDir, "kubelet-server");
  const current = await store.adopt(clock.now());
  if (current === undefined)
    logger.warn("No serving certificate yet: approve the node's request (kubectl get csr)");
  const options = {
    ...identity,
    client: newClient(node, { userAgent: "kubelet" }),
    store,
    addresses: () => [
      { type: "InternalIP", address: identity.nodeIp },
      { type: "Hostname", address: identity.nodeName },
    ],
    onPair: ({ certificatePem, privateKeyPem }: { certificatePem: string; privateKeyPem: string }) =>
      use?.({ cert: certificatePem, key: privateKeyPem }),
  };
  tasks.start("kubelet serving certificate", (stop) => keepServingCertificate(options, stop));
  if (current === undefined) return { onCertificate };
  return { cert: current.certificatePem, key: current.privateKeyPem, onCertificate };
}

function transportOf(
  { server, certDir, clock, random }: NodeIdentity,
  { currentPath: file }: CertificateStore,
): HttpTransport {
  const clientCertificate = { cert: { file }, key: { file } };
  return newHttpTransport(
    { server, ca: { file: join(certDir, "ca.crt") }, clientCertificate },
    { clock, random },
  );
}

async function readGiven(
  certDir: string,
): Promise<{ readonly cert: string; readonly key: string } | undefined> {
  try {
    const [cert, key] = await Promise.all(
      ["kubelet.crt", "kubelet.key"].map((name) => readFile(join(certDir, name), "utf8")),
    );
    return { cert: cert!, key: key! };
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOENT") throw err;
    return undefined;
  }
}
