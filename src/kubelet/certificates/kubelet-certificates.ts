/** The certificates of a node: its kubelet's as a client and as a server, and those of what runs beside it. @module */
import type { Clock, Logger } from "#apimachinery";
import type { NodeAddress } from "#api/core/v1/types.gen";
import type { Client } from "#client";
import type { CertificateReporter } from "./certificate-metrics.ts";
import { keepCertificate } from "./certificate-manager.ts";
import type { CertificateStore, StoredPair } from "./certificate-store.ts";
import { clientTemplate, servingTemplate, type CertificateTemplate } from "./plan.ts";

export const KUBELET_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet";
const CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";
const KUBELET_SERVING_SIGNER = "kubernetes.io/kubelet-serving";
/** Our keys are elliptic: they encipher nothing. */
export const KUBELET_CLIENT_USAGES: readonly string[] = ["digital signature", "client auth"];
const KUBELET_SERVING_USAGES: readonly string[] = ["digital signature", "server auth"];

export interface KubeletCertificateOptions {
  /** Acts as the node. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly store: CertificateStore;
  readonly onPair: (pair: StoredPair) => void;
  /** See `CertificateManagerOptions`. */
  readonly authority?: () => Promise<string | undefined>;
  readonly metrics?: CertificateReporter;
}

/** Renews the client certificate until `signal` aborts; the control plane approves that by itself. */
export function keepClientCertificate(
  options: KubeletCertificateOptions,
  signal: AbortSignal,
): Promise<void> {
  const template = clientTemplate(options.nodeName);
  const what = { signerName: KUBELET_CLIENT_SIGNER, usages: KUBELET_CLIENT_USAGES, template: () => template };
  return keepCertificate({ ...options, ...what }, signal);
}

/** The same for kube-proxy or CoreDNS, in whose name a node may ask. */
export function keepComponentCertificate(
  options: KubeletCertificateOptions & { readonly subject: CertificateTemplate },
  signal: AbortSignal,
): Promise<void> {
  const { subject } = options;
  const what = { signerName: CLIENT_SIGNER, usages: KUBELET_CLIENT_USAGES, template: () => subject };
  return keepCertificate({ ...options, ...what }, signal);
}

/** The same for the serving certificate, which somebody has to approve: a node may not vouch for its own addresses. */
export function keepServingCertificate(
  options: KubeletCertificateOptions & { readonly addresses: () => readonly NodeAddress[] },
  signal: AbortSignal,
): Promise<void> {
  const template = (): ReturnType<typeof servingTemplate> =>
    servingTemplate(options.nodeName, options.addresses());
  const what = { signerName: KUBELET_SERVING_SIGNER, usages: KUBELET_SERVING_USAGES, template };
  return keepCertificate({ ...options, ...what }, signal);
}
