/** What is wrong with a KubeProxyConfiguration, in upstream's words, and what of it is not possible here. @module */
import { isIP } from "node:net";
import { field, parseDuration, type StatusCause } from "#apimachinery";
import { KUBERNETES_FEATURES } from "#component-base";
import { familyOf } from "../addresses.ts";
import { addressOf, HEALTHZ_PORT, METRICS_PORT, msOf } from "./fields.ts";
import type { ConntrackConfiguration, KubeProxyConfiguration } from "./fields.ts";

type Causes = readonly StatusCause[];

const ROOT = "KubeProxyConfiguration";
const MASQUERADE_BIT_MAX = 31;
const PORT_MAX = 65_535;
const SYNC_MS = 30_000;
const MIN_SYNC_MS = 1_000;
const FAMILY_BITS = { IPv4: 32, IPv6: 128 } as const;
const MODES = ["nftables", ""];
const LOCAL_MODES = ["ClusterCIDR", "BridgeInterface", "InterfaceNamePrefix", ""];

/** Fields that may be said as they are anyway; null stands for every value that says nothing. */
const ONLY: Readonly<Record<string, readonly unknown[]>> = {
  hostnameOverride: [""],
  bindAddress: ["", "0.0.0.0", "::"],
  bindAddressHardFail: [false],
  enableProfiling: [false],
  showHiddenMetricsForVersion: [""],
  oomScoreAdj: [-999],
  windowsRunAsService: [false],
  configSyncPeriod: ["0s", "15m", "15m0s"],
};
const CLIENT_ONLY: Readonly<Record<string, readonly unknown[]>> = {
  kubeconfig: [""],
  acceptContentTypes: [""],
  contentType: ["", "application/vnd.kubernetes.protobuf"],
  qps: [0, 5],
  burst: [0, 10],
};
const LOGGING_ONLY: Readonly<Record<string, readonly unknown[]>> = {
  format: ["", "text"],
  verbosity: [0],
};

export function validateConfiguration(config: KubeProxyConfiguration): Causes {
  const { mode = "", nodePortAddresses = [], conntrack = {}, clientConnection = {}, logging = {} } = config;
  return field.all(
    MODES.includes(mode) ? [] : [field.notSupported(`${ROOT}.Mode`, mode, MODES)],
    validateFeatureGates(config.featureGates ?? {}),
    onlyOf({ ...config }, ONLY, ROOT),
    onlyOf({ ...clientConnection }, CLIENT_ONLY, `${ROOT}.ClientConnection`),
    onlyOf(logging, LOGGING_ONLY, `${ROOT}.logging`),
    validateSyncing(config),
    validateConntrack(conntrack),
    validateAddress(config.healthzBindAddress ?? "", HEALTHZ_PORT, `${ROOT}.HealthzBindAddress`),
    validateAddress(config.metricsBindAddress ?? "", METRICS_PORT, `${ROOT}.MetricsBindAddress`),
    validateNodePortAddresses(nodePortAddresses, `${ROOT}.NodePortAddresses`),
    validateDetectLocal(config),
  );
}

/** Also of the flag. */
export function validateNodePortAddresses(addresses: readonly string[], path: string): Causes {
  const first = addresses.indexOf("primary");
  if (first >= 0 && addresses.length > 1)
    return [field.invalid(field.index(path, first), "primary", "can't use both 'primary' and CIDRs")];
  if (first === 0) return [];
  return addresses.flatMap((text, i) =>
    isCidr(text) ? [] : [field.invalid(field.index(path, i), text, "must be a valid CIDR")],
  );
}

function validateFeatureGates(gates: Readonly<Record<string, boolean>>): Causes {
  const path = `${ROOT}.featureGates`;
  return Object.entries(gates).flatMap(([name, value]) => {
    const spec = Object.hasOwn(KUBERNETES_FEATURES, name) ? KUBERNETES_FEATURES[name] : undefined;
    if (spec === undefined) return [field.invalid(path, name, `unrecognized feature gate: ${name}`)];
    if (spec.default === value) return [];
    return [field.notSupported(field.key(path, name), value, [String(spec.default)])];
  });
}

function onlyOf(
  given: Readonly<Record<string, unknown>>,
  only: Readonly<Record<string, readonly unknown[]>>,
  path: string,
): Causes {
  return Object.entries(only).flatMap(([name, accepted]) => {
    const value = given[name] ?? undefined;
    if (value === undefined || accepted.includes(value)) return [];
    return [field.notSupported(field.child(path, name), value, accepted.map(String))];
  });
}

function validateSyncing({ nftables = {} }: KubeProxyConfiguration): Causes {
  const { masqueradeBit = 0, syncPeriod, minSyncPeriod } = nftables;
  const path = `${ROOT}.KubeProxyNFTablesConfiguration.MasqueradeBit`;
  const isBit = masqueradeBit >= 0 && masqueradeBit <= MASQUERADE_BIT_MAX;
  const syncMs = msOf(syncPeriod) || SYNC_MS;
  const minSyncMs = msOf(minSyncPeriod) || MIN_SYNC_MS;
  const min = `${ROOT}.MinSyncPeriod`;
  return field.all(
    isBit ? [] : [field.invalid(path, masqueradeBit, "must be within the range [0, 31]")],
    syncMs > 0 ? [] : [field.invalid(`${ROOT}.SyncPeriod`, syncPeriod, "must be greater than 0")],
    minSyncMs >= 0 ? [] : [field.invalid(min, minSyncPeriod, "must be greater than or equal to 0")],
    minSyncMs <= syncMs
      ? []
      : [field.invalid(`${ROOT}.SyncPeriod`, minSyncPeriod, `must be greater than or equal to ${min}`)],
  );
}

function validateConntrack(config: ConntrackConfiguration): Causes {
  const path = `${ROOT}.KubeProxyLinuxConfiguration.KubeProxyConntrackConfiguration`;
  const { maxPerCore = 0, min = 0, tcpEstablishedTimeout, tcpCloseWaitTimeout } = config;
  const { udpTimeout, udpStreamTimeout } = config;
  const values: readonly (readonly [string, number | string | undefined])[] = [
    ["MaxPerCore", maxPerCore],
    ["Min", min],
    ["TCPEstablishedTimeout", tcpEstablishedTimeout],
    ["TCPCloseWaitTimeout", tcpCloseWaitTimeout],
    ["UDPTimeout", udpTimeout],
    ["UDPStreamTimeout", udpStreamTimeout],
  ];
  return values.flatMap(([name, value = 0]) => {
    const number = typeof value === "number" ? value : parseDuration(value);
    if (number >= 0) return [];
    return [field.invalid(`${path}.${name}`, value, "must be greater than or equal to 0")];
  });
}

function validateAddress(text: string, portDefault: number, path: string): Causes {
  if (text === "") return [];
  const { host, port } = addressOf(text, portDefault);
  const isPort = port >= 1 && port <= PORT_MAX;
  return field.all(
    isIP(host) === 0 ? [field.invalid(path, host, "must be a valid IP")] : [],
    isPort ? [] : [field.invalid(path, String(port), "must be a valid port")],
  );
}

function validateDetectLocal(config: KubeProxyConfiguration): Causes {
  const { detectLocalMode: mode = "", detectLocal = {}, clusterCIDR = "" } = config;
  const path = `${ROOT}.DetectLocalConfiguration`;
  const { bridgeInterface = "", interfaceNamePrefix = "" } = detectLocal;
  if (!LOCAL_MODES.includes(mode)) return [field.notSupported(`${ROOT}.DetectLocalMode`, mode, LOCAL_MODES)];
  if (mode === "BridgeInterface") return validateInterface(bridgeInterface, `${path}.InterfaceName`);
  if (mode === "InterfaceNamePrefix")
    return validateInterface(interfaceNamePrefix, `${path}.InterfacePrefix`);
  return clusterCIDR === "" ? [] : validateClusterCIDRs(clusterCIDR.split(","), `${path}.ClusterCIDRs`);
}

/** nft reads the name between quotes. */
function validateInterface(name: string, path: string): Causes {
  if (name === "") return [field.invalid(path, name, "must not be empty")];
  return /^[^\s"*\\/]{1,15}$/.test(name)
    ? []
    : [field.invalid(path, name, "must be the name of an interface")];
}

function validateClusterCIDRs(cidrs: readonly string[], path: string): Causes {
  const example = "(e.g. [10.100.0.0/16, fde4:8dba:82e1::/48]";
  const pair = `must be a either a single CIDR or dual-stack pair of CIDRs ${example}`;
  if (cidrs.length > 2) return [field.invalid(path, cidrs, pair)];
  const example2 = "(e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)";
  const wrong = cidrs.flatMap((text, i) =>
    isCidr(text) ? [] : [field.invalid(field.index(path, i), text, `must be a valid CIDR block ${example2}`)],
  );
  const isPair = new Set(cidrs.map(familyOf)).size === cidrs.length;
  return wrong.length > 0 || isPair ? wrong : [field.invalid(path, cidrs, pair)];
}

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  const family = familyOf(address);
  return (
    family !== undefined && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= FAMILY_BITS[family]
  );
}
