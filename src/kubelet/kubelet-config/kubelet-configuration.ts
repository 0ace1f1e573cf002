/** A KubeletConfiguration file as options. Pure: every field works, or is refused with what would be accepted. @module */
import type { EvictionConfig } from "../eviction/thresholds.ts";
import type { ImageGCPolicy } from "../images/image-gc-plan.ts";
import type { ShutdownConfig } from "../nodeshutdown/plan.ts";
import type { KubeletOptions } from "../options.ts";
import { ACCEPTED, ONLY } from "./accepted-fields.ts";
import { parseCpuset } from "./cpuset.ts";
import { AGENT_READERS, type AgentFields } from "./agent-fields.ts";
import { ms, object } from "./field-values.ts";
import { type Draft, READERS } from "./readers.ts";
import { validateConfiguration } from "./validate-configuration.ts";

/** Everything that a file can set of a kubelet; what is not in it is absent. */
export type FileOptions = Partial<Omit<KubeletOptions, "eviction" | "imageGC" | "shutdown">> & {
  readonly eviction?: EvictionConfig;
  readonly imageGC?: Partial<ImageGCPolicy>;
  readonly shutdown?: ShutdownConfig;
};

export interface KubeletFile {
  readonly options: FileOptions;
  /** What flags of the agent set too. */
  readonly agent: Readonly<AgentFields>;
}

/** `value` is the parsed file. Throws with all that is wrong or not possible here. */
export function kubeletConfiguration(value: unknown): KubeletFile {
  const { apiVersion, kind, ...fields } = object(value, "the file");
  if (apiVersion !== "kubelet.config.k8s.io/v1beta1" || kind !== "KubeletConfiguration") {
    const what = "a KubeletConfiguration of kubelet.config.k8s.io/v1beta1";
    throw new Error(`invalid configuration: not ${what}: ${String(kind)} of ${String(apiVersion)}`);
  }
  const draft: Draft = { options: {}, eviction: {}, imageGC: {}, shutdown: {} };
  const agent: AgentFields = {};
  const errors: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    // An empty field says nothing.
    if (field === null || field === undefined) continue;
    try {
      if (Object.hasOwn(READERS, name)) READERS[name]!(draft, field, name);
      else if (Object.hasOwn(AGENT_READERS, name)) AGENT_READERS[name]!(agent, field, name);
      else refuseOther(field, name);
    } catch (err) {
      errors.push((err as Error).message);
    }
  }
  const { options, eviction, imageGC, shutdown } = draft;
  // The report follows the update, if only that is set.
  if (options.nodeStatusUpdateMs !== undefined) options.nodeStatusReportMs ??= options.nodeStatusUpdateMs;
  if (options.reservedSystemCPUs !== undefined) reserveCPUs(options, options.reservedSystemCPUs);
  const read = { ...options, eviction, imageGC, shutdown };
  errors.push(...validateConfiguration(read));
  if (errors.length === 0) return { options: read, agent };
  const all = errors.map((text) => `invalid configuration: ${text}`);
  throw new Error(all.length === 1 ? all[0]! : `[${all.join(", ")}]`);
}

/** They count instead of the CPU that is reserved otherwise, as upstream. */
function reserveCPUs(options: Draft["options"], cpus: string): void {
  const { cpu: _cpu, ...kubeReserved } = options.kubeReserved ?? {};
  options.systemReserved = { ...options.systemReserved, cpu: String(parseCpuset(cpus).size) };
  if (options.kubeReserved !== undefined) options.kubeReserved = kubeReserved;
}

/** What this kubelet does anyway may be said; anything else would be an empty promise. */
function refuseOther(value: unknown, name: string): void {
  const kind = Object.hasOwn(ACCEPTED, name) ? ACCEPTED[name] : undefined;
  if (kind === "duration") return void ms(value, name);
  const accepted = Object.hasOwn(ONLY, name) ? ONLY[name] : undefined;
  if (accepted === undefined) throw new Error(`unknown field ${JSON.stringify(name)}`);
  const text = JSON.stringify(value);
  if (accepted.some((possible) => JSON.stringify(possible) === text)) return;
  const only = accepted.map((possible) => JSON.stringify(possible)).join(" or ");
  throw new Error(`${name} ${text} is not supported by this kubelet, only ${only}`);
}
