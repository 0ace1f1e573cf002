/** What each field of a KubeletConfiguration sets. Pure: a reader throws for a value that is none. @module */
import type { EvictionConfig } from "../eviction/thresholds.ts";
import type { ImageGCPolicy } from "../images/image-gc-plan.ts";
import type { Enforcement } from "../node-status/enforcement.ts";
import type { ShutdownConfig } from "../nodeshutdown/plan.ts";
import type { KubeletOptions, Taint } from "../options.ts";
import { featureGateError } from "./feature-gates.ts";
import {
  bool,
  bytes,
  list,
  ms,
  object,
  quantities,
  string,
  stringList,
  strings,
  whole,
} from "./field-values.ts";
import { parseCpuset } from "./cpuset.ts";
import { cipherOf } from "./tls-ciphers.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export interface Draft {
  readonly options: Writable<Partial<Omit<KubeletOptions, "eviction" | "imageGC" | "shutdown">>>;
  readonly eviction: Writable<EvictionConfig>;
  readonly imageGC: Writable<Partial<ImageGCPolicy>>;
  readonly shutdown: Writable<ShutdownConfig>;
}

export type Reader = (draft: Draft, value: unknown, name: string) => void;
type Options = Draft["options"];
type NumberField = { [K in keyof Options]-?: number extends Options[K] ? K : never }[keyof Options];
type BooleanField = { [K in keyof Options]-?: boolean extends Options[K] ? K : never }[keyof Options];

const HEALTHZ = { host: "127.0.0.1", port: 10_248 };

/** 0 stands for the default, as upstream. */
function duration(field: NumberField): Reader {
  return ({ options }, value, name) => {
    const given = ms(value, name);
    if (given !== 0) options[field] = given;
  };
}

function number(field: NumberField): Reader {
  return ({ options }, value, name) => (options[field] = whole(value, name));
}

/** 0 stands for the default, as upstream. */
function count(field: NumberField): Reader {
  return ({ options }, value, name) => {
    const given = whole(value, name);
    if (given !== 0) options[field] = given;
  };
}

function flag(field: BooleanField): Reader {
  return ({ options }, value, name) => (options[field] = bool(value, name));
}

function agePolicy(field: "minimumAgeMs" | "maximumAgeMs"): Reader {
  return ({ imageGC }, value, name) => {
    const given = ms(value, name);
    if (given !== 0) imageGC[field] = given;
  };
}

export const READERS: Readonly<Record<string, Reader>> = {
  allowedUnsafeSysctls: ({ options }, v, n) => (options.allowedUnsafeSysctls = stringList(v, n)),
  containerLogMaxFiles: number("containerLogMaxFiles"),
  containerLogMaxSize: ({ options }, v, n) => (options.containerLogMaxBytes = bytes(v, n)),
  containerLogMonitorInterval: ({ options }, v, n) => (options.containerLogMonitorMs = ms(v, n)),
  cpuCFSQuota: flag("cpuCFSQuota"),
  cpuCFSQuotaPeriod: ({ options }, v, n) => (options.cpuQuotaPeriodMs = ms(v, n)),
  crashLoopBackOff: ({ options }, v, n) => {
    const { maxContainerRestartPeriod: period } = object(v, n);
    if (period !== undefined) options.crashLoopBackOffMaxMs = ms(period, `${n}.maxContainerRestartPeriod`);
  },
  enableSystemLogHandler: flag("enableSystemLogHandler"),
  enableSystemLogQuery: flag("enableSystemLogQuery"),
  enforceNodeAllocatable: ({ options }, v, n) =>
    (options.enforceNodeAllocatable = stringList(v, n) as readonly Enforcement[]),
  eventBurst: count("eventBurst"),
  eventRecordQPS: number("eventRecordQPS"),
  evictionHard: ({ eviction }, v, n) => (eviction.hard = strings(v, n)),
  evictionSoft: ({ eviction }, v, n) => (eviction.soft = strings(v, n)),
  evictionSoftGracePeriod: ({ eviction }, v, n) => {
    const periods = Object.entries(strings(v, n)).map(([signal, text]) => [signal, ms(text, n)]);
    eviction.softGracePeriodMs = Object.fromEntries(periods) as Record<string, number>;
  },
  evictionMinimumReclaim: ({ eviction }, v, n) => (eviction.minimumReclaim = strings(v, n)),
  evictionPressureTransitionPeriod: ({ eviction }, v, n) => {
    const given = ms(v, n);
    if (given !== 0) eviction.pressureTransitionPeriodMs = given;
  },
  evictionMaxPodGracePeriod: ({ eviction }, v, n) => (eviction.maxPodGracePeriodSeconds = whole(v, n)),
  failSwapOn: flag("failSwapOn"),
  featureGates: (_draft, v, n) => {
    for (const [gate, value] of Object.entries(object(v, n))) {
      const error = featureGateError(gate, value);
      if (error !== undefined) throw new Error(error);
    }
  },
  healthzBindAddress: ({ options }, v, n) => {
    const host = string(v, n);
    if (host !== "") options.healthz = { ...HEALTHZ, ...options.healthz, host };
  },
  healthzPort: ({ options }, v, n) =>
    (options.healthz = { ...HEALTHZ, ...options.healthz, port: whole(v, n) }),
  imageGCHighThresholdPercent: ({ imageGC }, v, n) => (imageGC.highThresholdPercent = whole(v, n)),
  imageGCLowThresholdPercent: ({ imageGC }, v, n) => (imageGC.lowThresholdPercent = whole(v, n)),
  imageMinimumGCAge: agePolicy("minimumAgeMs"),
  imageMaximumGCAge: agePolicy("maximumAgeMs"),
  kubeAPIBurst: count("kubeAPIBurst"),
  kubeAPIQPS: number("kubeAPIQPS"),
  kubeReserved: ({ options }, v, n) => (options.kubeReserved = quantities(v, n)),
  kubeReservedCgroup: ({ options }, v, n) => (options.kubeReservedCgroup = string(v, n)),
  logging: (_draft, v, n) => {
    const { verbosity = 0, vmodule = [], format = "" } = object(v, n);
    if (verbosity !== 0 || list(vmodule, `${n}.vmodule`).length > 0)
      throw new Error(`${n}.verbosity and ${n}.vmodule are not supported by this kubelet, only 0 and none`);
    if (!["", "text", "json"].includes(string(format, `${n}.format`)))
      throw new Error(`${n}.format: Invalid value: ${JSON.stringify(format)}: Unsupported log format`);
  },
  maxParallelImagePulls: number("parallelImagePullsMax"),
  maxPods: count("maxPods"),
  mergeDefaultEvictionSettings: ({ eviction }, v, n) => (eviction.mergeDefaults = bool(v, n)),
  nodeLeaseDurationSeconds: count("nodeLeaseDurationSeconds"),
  nodeStatusMaxImages: number("nodeStatusMaxImages"),
  nodeStatusReportFrequency: duration("nodeStatusReportMs"),
  nodeStatusUpdateFrequency: duration("nodeStatusUpdateMs"),
  oomScoreAdj: number("oomScoreAdj"),
  podPidsLimit: ({ options }, v, n) => (options.podPidsLimit = Math.max(0, whole(v, n))),
  podsPerCore: number("podsPerCore"),
  protectKernelDefaults: flag("protectKernelDefaults"),
  registerWithTaints: ({ options }, v, n) => (options.registerWithTaints = list(v, n) as readonly Taint[]),
  registryBurst: count("registryBurst"),
  registryPullQPS: number("registryPullQPS"),
  reservedSystemCPUs: ({ options }, v, n) => {
    const cpus = string(v, n);
    if (cpus === "") return;
    parseCpuset(cpus);
    options.reservedSystemCPUs = cpus;
  },
  seccompDefault: flag("seccompDefault"),
  serializeImagePulls: ({ options }, v, n) => {
    if (bool(v, n)) options.parallelImagePullsMax = 1;
  },
  shutdownGracePeriod: ({ shutdown }, v, n) => (shutdown.gracePeriodSeconds = ms(v, n) / 1000),
  shutdownGracePeriodCriticalPods: ({ shutdown }, v, n) =>
    (shutdown.gracePeriodCriticalPodsSeconds = ms(v, n) / 1000),
  shutdownGracePeriodByPodPriority: ({ shutdown }, v, n) => {
    shutdown.byPodPriority = list(v, n) as NonNullable<ShutdownConfig["byPodPriority"]>;
  },
  systemReserved: ({ options }, v, n) => (options.systemReserved = quantities(v, n)),
  systemReservedCgroup: ({ options }, v, n) => (options.systemReservedCgroup = string(v, n)),
  tlsCipherSuites: ({ options }, v, n) => {
    const suites = stringList(v, n);
    if (suites.length > 0) options.tls = { ...options.tls, ciphers: suites.map(cipherOf) };
  },
  tlsMinVersion: ({ options }, v, n) => {
    const version = string(v, n);
    if (!["", "VersionTLS12", "VersionTLS13"].includes(version))
      throw new Error(
        `${n} ${JSON.stringify(version)} is not supported, only "VersionTLS12" or "VersionTLS13"`,
      );
    if (version === "VersionTLS13") options.tls = { ...options.tls, minVersion: "TLSv1.3" };
  },
  userNamespaces: ({ options }, v, n) => {
    const { idsPerPod } = object(v, n);
    if (idsPerPod !== undefined) options.userNamespacesIdsPerPod = whole(idsPerPod, `${n}.idsPerPod`);
  },
  volumeStatsAggPeriod: duration("volumeStatsMs"),
};
