/** A KubeProxyConfiguration, and what of it this proxy does: every field works, is ignored by upstream too, or is refused. @module */
import { loadConfigFile, type ConfigKind } from "#component-base";
import type { LocalInterface } from "../nftables/masquerade.ts";
import { conntrackSysctls } from "./conntrack-sysctls.ts";
import { addressOf, HEALTHZ_PORT, METRICS_PORT, msOf } from "./fields.ts";
import type { HttpAddress, KubeProxyConfiguration } from "./fields.ts";
import { configurationSchema } from "./schema.ts";
import { validateConfiguration } from "./validation.ts";

/** Options of `runProxy` that a file sets; what it does not say is absent. */
export interface FileOptions {
  readonly clusterCIDRs?: readonly string[];
  readonly nodePortAddresses?: readonly string[];
  readonly healthz?: HttpAddress;
  readonly metrics?: HttpAddress;
  readonly masqueradeAll?: boolean;
  readonly masqueradeBit?: number;
  readonly localInterface?: LocalInterface;
  readonly syncMs?: number;
  readonly minSyncMs?: number;
  readonly sysctls?: readonly (readonly [name: string, value: string])[];
}

const KIND: ConfigKind<KubeProxyConfiguration> = {
  apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
  kind: "KubeProxyConfiguration",
  schema: configurationSchema,
  defaults: (config) => config,
  validate: validateConfiguration,
};

/** Rejects with all that is wrong, or not possible here. `cpus`: of the machine. */
export async function loadProxyConfiguration(path: string, cpus: number): Promise<FileOptions> {
  return fileOptions(await loadConfigFile(path, KIND), cpus);
}

/** Pure; of a configuration that is valid. */
export function fileOptions(config: KubeProxyConfiguration, cpus: number): FileOptions {
  const { clusterCIDR = "", nodePortAddresses = [], nftables = {}, conntrack = {} } = config;
  const { healthzBindAddress, metricsBindAddress } = config;
  const { masqueradeAll, masqueradeBit, syncPeriod, minSyncPeriod } = nftables;
  const localInterface = localInterfaceOf(config);
  return {
    ...(clusterCIDR !== "" && { clusterCIDRs: clusterCIDR.split(",") }),
    ...(nodePortAddresses.length > 0 && { nodePortAddresses }),
    ...(isSaid(healthzBindAddress) && { healthz: addressOf(healthzBindAddress, HEALTHZ_PORT) }),
    ...(isSaid(metricsBindAddress) && { metrics: addressOf(metricsBindAddress, METRICS_PORT) }),
    ...(masqueradeAll !== undefined && { masqueradeAll }),
    ...(masqueradeBit !== undefined && { masqueradeBit }),
    ...(localInterface !== undefined && { localInterface }),
    ...(msOf(syncPeriod) !== 0 && { syncMs: msOf(syncPeriod) }),
    ...(msOf(minSyncPeriod) !== 0 && { minSyncMs: msOf(minSyncPeriod) }),
    sysctls: conntrackSysctls(conntrack, cpus),
  };
}

function localInterfaceOf(config: KubeProxyConfiguration): LocalInterface | undefined {
  const { bridgeInterface = "", interfaceNamePrefix = "" } = config.detectLocal ?? {};
  if (config.detectLocalMode === "BridgeInterface") return { type: "name", name: bridgeInterface };
  if (config.detectLocalMode !== "InterfaceNamePrefix") return undefined;
  return { type: "prefix", name: interfaceNamePrefix };
}

function isSaid(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
