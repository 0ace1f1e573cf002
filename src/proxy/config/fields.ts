/** A KubeProxyConfiguration as it stands in the file, and how its texts are read. @module */
import { parseDuration } from "#apimachinery";

/** As it stands in the file; sections of other modes are read for their form alone. */
export interface KubeProxyConfiguration {
  readonly featureGates?: Readonly<Record<string, boolean>>;
  readonly clientConnection?: {
    readonly kubeconfig?: string;
    readonly acceptContentTypes?: string;
    readonly contentType?: string;
    readonly qps?: number;
    readonly burst?: number;
  };
  readonly logging?: Readonly<Record<string, unknown>>;
  readonly hostnameOverride?: string;
  readonly bindAddress?: string;
  readonly healthzBindAddress?: string;
  readonly metricsBindAddress?: string;
  readonly bindAddressHardFail?: boolean;
  readonly enableProfiling?: boolean;
  readonly showHiddenMetricsForVersion?: string;
  readonly mode?: string;
  readonly nftables?: {
    readonly masqueradeBit?: number;
    readonly masqueradeAll?: boolean;
    readonly syncPeriod?: string;
    readonly minSyncPeriod?: string;
  };
  readonly detectLocalMode?: string;
  readonly detectLocal?: { readonly bridgeInterface?: string; readonly interfaceNamePrefix?: string };
  readonly clusterCIDR?: string;
  readonly nodePortAddresses?: readonly string[];
  readonly oomScoreAdj?: number;
  readonly conntrack?: ConntrackConfiguration;
  readonly configSyncPeriod?: string;
  readonly windowsRunAsService?: boolean;
}

export interface ConntrackConfiguration {
  readonly maxPerCore?: number;
  readonly min?: number;
  readonly tcpEstablishedTimeout?: string;
  readonly tcpCloseWaitTimeout?: string;
  readonly tcpBeLiberal?: boolean;
  readonly udpTimeout?: string;
  readonly udpStreamTimeout?: string;
}

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

export const HEALTHZ_PORT = 10_256;
export const METRICS_PORT = 10_249;

/** 0 stands for the default, as upstream. */
export function msOf(duration: string | undefined): number {
  return duration === undefined ? 0 : parseDuration(duration);
}

/** `10.0.0.1:10256`, `[::]:10256`, or an address alone, which gets `port`. */
export function addressOf(text: string, port: number): HttpAddress {
  const [, v6, bare, given] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  const host = v6 ?? bare;
  if (host === undefined) return { host: text, port };
  return { host, port: given === undefined ? port : Number(given) };
}
