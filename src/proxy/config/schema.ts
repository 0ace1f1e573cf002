/** The fields of KubeProxyConfiguration: others are mistakes. @module */
import type { Scalar, Schema, StructSchema } from "#apimachinery";

const string = scalar("string");
const boolean = scalar("boolean");
const int32 = scalar("int32");
const duration = scalar("duration");
const strings: Schema = { type: "list", items: string };
const syncing = { syncPeriod: duration, minSyncPeriod: duration };
const masquerading = { masqueradeBit: int32, masqueradeAll: boolean };

export const configurationSchema: StructSchema = struct("KubeProxyConfiguration", {
  apiVersion: string,
  kind: string,
  featureGates: { type: "map", values: boolean },
  clientConnection: struct("ClientConnectionConfiguration", {
    kubeconfig: string,
    acceptContentTypes: string,
    contentType: string,
    qps: scalar("double"),
    burst: int32,
  }),
  logging: { type: "untyped", form: "rawExtension" },
  hostnameOverride: string,
  bindAddress: string,
  healthzBindAddress: string,
  metricsBindAddress: string,
  bindAddressHardFail: boolean,
  enableProfiling: boolean,
  showHiddenMetricsForVersion: string,
  mode: string,
  iptables: struct("KubeProxyIPTablesConfiguration", {
    ...masquerading,
    ...syncing,
    localhostNodePorts: boolean,
  }),
  ipvs: struct("KubeProxyIPVSConfiguration", {
    ...syncing,
    scheduler: string,
    excludeCIDRs: strings,
    strictARP: boolean,
    tcpTimeout: duration,
    tcpFinTimeout: duration,
    udpTimeout: duration,
  }),
  nftables: struct("KubeProxyNFTablesConfiguration", { ...masquerading, ...syncing }),
  winkernel: struct("KubeProxyWinkernelConfiguration", {
    networkName: string,
    sourceVip: string,
    enableDSR: boolean,
    rootHnsEndpointName: string,
    forwardHealthCheckVip: boolean,
  }),
  detectLocalMode: string,
  detectLocal: struct("DetectLocalConfiguration", { bridgeInterface: string, interfaceNamePrefix: string }),
  clusterCIDR: string,
  nodePortAddresses: strings,
  oomScoreAdj: int32,
  conntrack: struct("KubeProxyConntrackConfiguration", {
    maxPerCore: int32,
    min: int32,
    tcpEstablishedTimeout: duration,
    tcpCloseWaitTimeout: duration,
    tcpBeLiberal: boolean,
    udpTimeout: duration,
    udpStreamTimeout: duration,
  }),
  configSyncPeriod: duration,
  portRange: string,
  windowsRunAsService: boolean,
});

function scalar(name: Scalar): Schema {
  return { type: "scalar", scalar: name };
}

function struct(name: string, fields: Readonly<Record<string, Schema>>): StructSchema {
  const entries = Object.entries(fields).map(([key, schema]) => [key, { name: key, schema }] as const);
  return { type: "struct", name, fields: new Map(entries) };
}
