/** What the controllers may be told, in the words of kube-controller-manager's flags. @module */
import type { Secret, ServiceAccount } from "#api/core/v1/types.gen";
import type { Client } from "#client";
import type { Controller, ControllerContext } from "#controller-runtime";
import type { EvictionRates } from "./node-lifecycle/zones.ts";
import type { SigningOptions } from "./certificates/signing-controller.ts";
import type { RootCA } from "./root-ca.ts";

export interface ControllerOptions {
  /** Which controllers run: names, `*` for all that are on by default, `-name` to leave one out. Default `["*"]`. */
  readonly names?: readonly string[];
  /** Where node-ipam takes pod CIDRs from, e.g. `10.244.0.0/16`; several families are separated by commas. */
  readonly clusterCIDR?: string;
  /** Never given to nodes, even where it overlaps the cluster CIDR; several families are separated by commas. */
  readonly serviceCIDR?: string;
  /** Addresses for Services of type LoadBalancer: IPv4 CIDRs or `FIRST-LAST`, separated by commas; without them, the controller does not run. */
  readonly serviceLoadBalancerRange?: string;
  /** Prefix length of one node's pod CIDR. Default 24 for IPv4, 64 for IPv6. */
  readonly nodeCIDRMaskSizeIPv4?: number;
  readonly nodeCIDRMaskSizeIPv6?: number;
  /** Without it, or without a cluster CIDR, node-ipam does not run. Default false. */
  readonly allocateNodeCIDRs?: boolean;
  /** PEM bundle published as ConfigMap kube-root-ca.crt and as ClusterTrustBundle; without it, the publishers do not run. */
  readonly rootCA?: RootCA;
  /** Signs the tokens of Secrets of type kubernetes.io/service-account-token; without it, they stay empty. */
  readonly signLegacyToken?: (account: ServiceAccount, secret: Secret) => Promise<string>;
  /** What the built-in signers sign with; without it, they do not run. */
  readonly clusterSigning?: SigningOptions;
  /** The client that acts as an account of kube-system. Default: all controllers write with the context's client. */
  readonly clientFor?: (serviceAccount: string) => Client;
  /** How long a node may stay silent before it counts as unknown. Default 50 s. */
  readonly nodeMonitorGracePeriodMs?: number;
  /** The same for a node that never reported. Default 60 s. */
  readonly nodeStartupGracePeriodMs?: number;
  /** How fast nodes that are not ready are tainted NoExecute. */
  readonly evictionRates?: Partial<EvictionRates>;
  /** Finished pods beyond this many are removed, oldest first; 0 keeps all. Default 12500. */
  readonly terminatedPodGCThreshold?: number;
  /** Endpoints per EndpointSlice. Default 100, at most 1000. */
  readonly maxEndpointsPerSlice?: number;
  /** Objects that a controller works on at a time, by its name. Default: upstream's. */
  readonly concurrentSyncs?: Readonly<Record<string, number>>;
}

/** Undefined: the options leave this controller nothing to do. Several: it has queues for several kinds. */
export type ControllerInit = (
  context: ControllerContext,
  options: ControllerOptions,
) => Controller | readonly Controller[] | undefined;
