import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadProxyConfiguration, type FileOptions } from "./configuration.ts";

const HEAD = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
const CPUS = 4;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-proxy-"));
});
after(() => rm(folder, { recursive: true }));

async function load(text: string): Promise<FileOptions> {
  const path = join(folder, "config.yaml");
  await writeFile(path, HEAD + text);
  return loadProxyConfiguration(path, CPUS);
}

/** As kubeadm writes it, but for the credentials. */
const DEFAULTS = `
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: "", qps: 0}
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: ""
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`;

test("loadProxyConfiguration() takes a file that says nothing special", async () => {
  assert.deepEqual(await load(DEFAULTS), {
    clusterCIDRs: ["10.244.0.0/16"],
    masqueradeAll: false,
    sysctls: [],
  });
});

test("loadProxyConfiguration() gives what the file says as options", async () => {
  const text = `
mode: nftables
healthzBindAddress: 127.0.0.1
metricsBindAddress: "[::]:9249"
nodePortAddresses: [192.0.2.0/24]
nftables: {masqueradeAll: true, masqueradeBit: 20, syncPeriod: 1m, minSyncPeriod: 250ms}
detectLocalMode: InterfaceNamePrefix
detectLocal: {interfaceNamePrefix: veth}
conntrack: {maxPerCore: 65536, min: 10, tcpEstablishedTimeout: 1h, tcpCloseWaitTimeout: 90s, tcpBeLiberal: true, udpTimeout: 30s, udpStreamTimeout: 3m}
`;
  assert.deepEqual(await load(text), {
    nodePortAddresses: ["192.0.2.0/24"],
    healthz: { host: "127.0.0.1", port: 10_256 },
    metrics: { host: "::", port: 9_249 },
    masqueradeAll: true,
    masqueradeBit: 20,
    localInterface: { type: "prefix", name: "veth" },
    syncMs: 60_000,
    minSyncMs: 250,
    sysctls: [
      ["net.netfilter.nf_conntrack_max", "262144"],
      ["net.netfilter.nf_conntrack_tcp_timeout_established", "3600"],
      ["net.netfilter.nf_conntrack_tcp_timeout_close_wait", "90"],
      ["net.netfilter.nf_conntrack_tcp_be_liberal", "1"],
      ["net.netfilter.nf_conntrack_udp_timeout", "30"],
      ["net.netfilter.nf_conntrack_udp_timeout_stream", "180"],
    ],
  });
  const bridge = "detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cni0}";
  assert.deepEqual((await load(bridge)).localInterface, { type: "name", name: "cni0" });
  const scaled = async (perCore: number, min: number): Promise<string | undefined> =>
    (await load(`conntrack: {maxPerCore: ${perCore}, min: ${min}}`)).sysctls?.[0]?.[1];
  assert.equal(await scaled(1, 500), "500");
  assert.equal(await scaled(1_000_000, 2_000_000), "1048576");
});

test("loadProxyConfiguration() refuses what is wrong, and what it does not do", async () => {
  const table: Readonly<Record<string, RegExp>> = {
    "mode: iptables": /Mode: Unsupported value: "iptables"/,
    "nodePortAddresses: [primary, 10.0.0.0/8]": /can't use both 'primary' and CIDRs/,
    "nodePortAddresses: [10.0.0.1]":
      /NodePortAddresses\[0\]: Invalid value: "10.0.0.1": must be a valid CIDR/,
    "nftables: {masqueradeBit: 32}": /MasqueradeBit: Invalid value: 32: must be within the range \[0, 31\]/,
    "nftables: {minSyncPeriod: 1m}": /SyncPeriod: Invalid value: "1m": must be greater than or equal to/,
    "nftables: {syncPeriod: -1s}": /SyncPeriod: Invalid value: "-1s": must be greater than 0/,
    "conntrack: {min: -1}": /Min: Invalid value: -1: must be greater than or equal to 0/,
    "detectLocalMode: NodeCIDR": /DetectLocalMode: Unsupported value: "NodeCIDR"/,
    "detectLocalMode: BridgeInterface": /InterfaceName: Invalid value: "": must not be empty/,
    'detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: "a\\" drop"}': /must be the name of an/,
    "clusterCIDR: 10.0.0.0/8,11.0.0.0/8": /must be a either a single CIDR or dual-stack pair/,
    "clusterCIDR: 10.0.0.0": /ClusterCIDRs\[0\]: Invalid value: "10.0.0.0": must be a valid CIDR block/,
    "healthzBindAddress: web:80": /HealthzBindAddress: Invalid value: "web": must be a valid IP/,
    "metricsBindAddress: 127.0.0.1:70000": /MetricsBindAddress: Invalid value: "70000": must be a valid port/,
    "clientConnection: {kubeconfig: /etc/k}": /ClientConnection.kubeconfig: Unsupported value: "\/etc\/k"/,
    "hostnameOverride: other": /hostnameOverride: Unsupported value/,
    "oomScoreAdj: 5": /oomScoreAdj: Unsupported value: 5/,
    "configSyncPeriod: 1m": /configSyncPeriod: Unsupported value/,
    "featureGates: {Unknown: true}": /unrecognized feature gate: Unknown/,
    "logging: {verbosity: 4}": /logging.verbosity: Unsupported value: 4/,
    "masqueradeAll: true": /unknown field "masqueradeAll"/,
  };
  for (const [text, message] of Object.entries(table)) await assert.rejects(load(text), message, text);
});
