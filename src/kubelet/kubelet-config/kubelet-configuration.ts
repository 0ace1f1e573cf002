/** A KubeletConfiguration file as options. Pure: every field works, or is refused with what would be accepted. @module */
import { isQuantity, parseDuration, parseQuantity, quantityValue } from "#apimachinery";
import type { EvictionConfig } from "../eviction/thresholds.ts";
import type { ImageGCPolicy } from "../images/image-gc-plan.ts";
import type { ShutdownConfig } from "../nodeshutdown/plan.ts";
import type { KubeletOptions, Taint } from "../options.ts";
import { FLAG_OF, ONLY } from "./refused-fields.ts";
import { validateConfiguration } from "./validate-configuration.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Everything that a file can set; what is not in it is absent. */
export type FileOptions = Partial<Omit<KubeletOptions, "eviction" | "imageGC" | "shutdown">> & {
  readonly eviction?: EvictionConfig;
  readonly imageGC?: Partial<ImageGCPolicy>;
  readonly shutdown?: ShutdownConfig;
};

interface Draft {
  readonly options: Writable<FileOptions>;
  readonly eviction: Writable<EvictionConfig>;
  readonly imageGC: Writable<Partial<ImageGCPolicy>>;
  readonly shutdown: Writable<ShutdownConfig>;
}

type Reader = (draft: Draft, value: unknown, name: string) => void;

const READERS: Readonly<Record<string, Reader>> = {
  containerLogMaxFiles: ({ options }, v, n) => (options.containerLogMaxFiles = whole(v, n)),
  containerLogMaxSize: ({ options }, v, n) => (options.containerLogMaxBytes = bytes(v, n)),
  containerLogMonitorInterval: ({ options }, v, n) => (options.containerLogMonitorMs = ms(v, n)),
  enableSystemLogHandler: ({ options }, v, n) => (options.enableSystemLogHandler = bool(v, n)),
  enableSystemLogQuery: ({ options }, v, n) => (options.enableSystemLogQuery = bool(v, n)),
  evictionHard: ({ eviction }, v, n) => (eviction.hard = strings(v, n)),
  evictionSoft: ({ eviction }, v, n) => (eviction.soft = strings(v, n)),
  evictionSoftGracePeriod: ({ eviction }, v, n) => {
    const periods = Object.entries(strings(v, n)).map(([signal, text]) => [signal, ms(text, n)]);
    eviction.softGracePeriodMs = Object.fromEntries(periods) as Record<string, number>;
  },
  evictionMinimumReclaim: ({ eviction }, v, n) => (eviction.minimumReclaim = strings(v, n)),
  evictionPressureTransitionPeriod: ({ eviction }, v, n) => (eviction.pressureTransitionPeriodMs = ms(v, n)),
  evictionMaxPodGracePeriod: ({ eviction }, v, n) => (eviction.maxPodGracePeriodSeconds = whole(v, n)),
  imageGCHighThresholdPercent: ({ imageGC }, v, n) => (imageGC.highThresholdPercent = whole(v, n)),
  imageGCLowThresholdPercent: ({ imageGC }, v, n) => (imageGC.lowThresholdPercent = whole(v, n)),
  imageMinimumGCAge: ({ imageGC }, v, n) => (imageGC.minimumAgeMs = ms(v, n)),
  imageMaximumGCAge: ({ imageGC }, v, n) => (imageGC.maximumAgeMs = ms(v, n)),
  kubeReserved: ({ options }, v, n) => (options.kubeReserved = quantities(v, n)),
  systemReserved: ({ options }, v, n) => (options.systemReserved = quantities(v, n)),
  maxParallelImagePulls: ({ options }, v, n) => (options.parallelImagePullsMax = whole(v, n)),
  maxPods: ({ options }, v, n) => (options.maxPods = whole(v, n)),
  nodeLeaseDurationSeconds: ({ options }, v, n) => (options.nodeLeaseDurationSeconds = whole(v, n)),
  nodeStatusReportFrequency: ({ options }, v, n) => (options.nodeStatusReportMs = ms(v, n)),
  nodeStatusUpdateFrequency: ({ options }, v, n) => (options.nodeStatusUpdateMs = ms(v, n)),
  podPidsLimit: ({ options }, v, n) => (options.podPidsLimit = Math.max(0, whole(v, n))),
  registerWithTaints: ({ options }, v, n) => (options.registerWithTaints = list(v, n) as readonly Taint[]),
  seccompDefault: ({ options }, v, n) => (options.seccompDefault = bool(v, n)),
  serializeImagePulls: ({ options }, v, n) => {
    if (bool(v, n)) options.parallelImagePullsMax = 1;
  },
  shutdownGracePeriod: ({ shutdown }, v, n) => (shutdown.gracePeriodSeconds = ms(v, n) / 1000),
  shutdownGracePeriodCriticalPods: ({ shutdown }, v, n) =>
    (shutdown.gracePeriodCriticalPodsSeconds = ms(v, n) / 1000),
  shutdownGracePeriodByPodPriority: ({ shutdown }, v, n) => {
    shutdown.byPodPriority = list(v, n) as NonNullable<ShutdownConfig["byPodPriority"]>;
  },
  userNamespaces: ({ options }, v, n) => {
    const { idsPerPod } = object(v, n);
    if (idsPerPod !== undefined) options.userNamespacesIdsPerPod = whole(idsPerPod, `${n}.idsPerPod`);
  },
};

/** `value` is the parsed file. Throws with all that is wrong or not possible here. */
export function kubeletConfiguration(value: unknown): FileOptions {
  const { apiVersion, kind, ...fields } = object(value, "the file");
  if (apiVersion !== "kubelet.config.k8s.io/v1beta1" || kind !== "KubeletConfiguration") {
    const what = "a KubeletConfiguration of kubelet.config.k8s.io/v1beta1";
    throw new Error(`invalid configuration: not ${what}: ${String(kind)} of ${String(apiVersion)}`);
  }
  const draft: Draft = { options: {}, eviction: {}, imageGC: {}, shutdown: {} };
  const errors: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    try {
      const reader = Object.hasOwn(READERS, name) ? READERS[name] : refuseOther;
      reader?.(draft, field, name);
    } catch (err) {
      errors.push((err as Error).message);
    }
  }
  const { options, eviction, imageGC, shutdown } = draft;
  const read = { ...options, eviction, imageGC, shutdown };
  errors.push(...validateConfiguration(read));
  if (errors.length === 0) return read;
  const all = errors.map((text) => `invalid configuration: ${text}`);
  throw new Error(all.length === 1 ? all[0]! : `[${all.join(", ")}]`);
}

/** What this kubelet does anyway may be said; anything else would be an empty promise. */
function refuseOther(_draft: Draft, value: unknown, name: string): void {
  const flag = Object.hasOwn(FLAG_OF, name) ? FLAG_OF[name] : undefined;
  if (flag !== undefined) throw new Error(`${name} is not read from the file: use ${flag}`);
  const accepted = Object.hasOwn(ONLY, name) ? ONLY[name] : undefined;
  if (accepted === undefined) throw new Error(`unknown field ${JSON.stringify(name)}`);
  const text = JSON.stringify(value);
  if (accepted.some((possible) => JSON.stringify(possible) === text)) return;
  const only = accepted.map((possible) => JSON.stringify(possible)).join(" or ");
  throw new Error(`${name} ${text} is not supported by this kubelet, only ${only}`);
}

function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new Error(`${name} must be an object`);
}

function list(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new Error(`${name} must be a list`);
}

function bool(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new Error(`${name} must be true or false`);
}

function whole(value: unknown, name: string): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw new Error(`${name} must be a whole number`);
}

function ms(value: unknown, name: string): number {
  try {
    return parseDuration(String(value));
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause });
  }
}

function bytes(value: unknown, name: string): number {
  const text = String(value);
  if (!isQuantity(text)) throw new Error(`${name} must be a quantity like 10Mi`);
  return quantityValue(parseQuantity(text));
}

function strings(value: unknown, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(object(value, name)).map(([key, v]) => [key, String(v)]));
}

function quantities(value: unknown, name: string): Readonly<Record<string, string>> {
  const map = strings(value, name);
  for (const [key, text] of Object.entries(map))
    if (!isQuantity(text)) throw new Error(`${name}.${key} must be a quantity like 500Mi`);
  return map;
}
