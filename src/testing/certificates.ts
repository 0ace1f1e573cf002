/** What a test cluster needs to serve HTTPS on this machine, and the kubeconfig that leads to it. @module */
import type { Clock } from "#apimachinery";

export interface TestPki {
  readonly ca: string;
  /** Of the authority; what signs certificate requests. */
  readonly caKey: string;
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  readonly admin: { readonly cert: string; readonly key: string };
  /** By what the server proves itself to aggregated API servers. */
  readonly frontProxy: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** The name of the server's certificate for aggregated API servers. */
export const FRONT_PROXY = "front-proxy-client";
const HOST = "127.0.0.1";

/** Nothing of it touches the disk. */
export async function newTestPki(clock: Clock): Promise<TestPki> {
  // loaded only here: it costs more than the rest of the cluster's start
  const { createCertificateAuthority, issueCertificate } = await import("#component-base/pki");
  const [ca, frontProxyCa] = await Promise.all([
    createCertificateAuthority("k8ts-test", clock),
    createCertificateAuthority("front-proxy-ca", clock),
  ]);
  const [serving, admin, frontProxy] = await Promise.all([
    issueCertificate(
      ca,
      {
        commonName: "kube-apiserver",
        dnsNames: ["localhost", "kubernetes.default.svc"],
        ipAddresses: [HOST],
        usages: ["server"],
      },
      clock,
    ),
    issueCertificate(
      ca,
      { commonName: "kubernetes-admin", organizations: ["system:masters"], usages: ["client"] },
      clock,
    ),
    issueCertificate(frontProxyCa, { commonName: FRONT_PROXY, usages: ["client"] }, clock),
  ]);
  return {
    ca: ca.certificatePem,
    caKey: ca.privateKeyPem,
    tls: { cert: serving.certificatePem, key: serving.privateKeyPem, clientCa: ca.certificatePem },
    admin: { cert: admin.certificatePem, key: admin.privateKeyPem },
    frontProxy: {
      ca: frontProxyCa.certificatePem,
      cert: frontProxy.certificatePem,
      key: frontProxy.privateKeyPem,
    },
  };
}

/** JSON, which is YAML too. */
export function kubeconfigOf({ ca, admin }: TestPki, port: number): string {
  const name = "k8ts-test";
  const cluster = { server: `https://${HOST}:${port}`, "certificate-authority-data": base64(ca) };
  const user = { "client-certificate-data": base64(admin.cert), "client-key-data": base64(admin.key) };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
