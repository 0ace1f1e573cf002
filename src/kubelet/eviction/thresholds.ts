/** The thresholds below which a node takes resources back from its pods. Pure; signals and rules are upstream's. @module */
import {
  compareQuantity,
  isQuantity,
  parseQuantity,
  quantityValue,
  signOf,
  ZERO_QUANTITY,
} from "#apimachinery";

export type Signal =
  | "memory.available"
  | "allocatableMemory.available"
  | "nodefs.available"
  | "nodefs.inodesFree"
  | "imagefs.available"
  | "imagefs.inodesFree"
  | "containerfs.available"
  | "containerfs.inodesFree"
  | "pid.available";

export type StarvedResource = "memory" | "ephemeral-storage" | "inodes" | "pids";
export type PressureCondition = "MemoryPressure" | "DiskPressure" | "PIDPressure";

interface SignalFacts {
  readonly resource: StarvedResource;
  readonly condition: PressureCondition;
}

const MEMORY: SignalFacts = { resource: "memory", condition: "MemoryPressure" };
const DISK: SignalFacts = { resource: "ephemeral-storage", condition: "DiskPressure" };
const INODES: SignalFacts = { resource: "inodes", condition: "DiskPressure" };

export const SIGNALS: Readonly<Record<Signal, SignalFacts>> = {
  "memory.available": MEMORY,
  "allocatableMemory.available": MEMORY,
  "nodefs.available": DISK,
  "nodefs.inodesFree": INODES,
  "imagefs.available": DISK,
  "imagefs.inodesFree": INODES,
  "containerfs.available": DISK,
  "containerfs.inodesFree": INODES,
  "pid.available": { resource: "pids", condition: "PIDPressure" },
};

/** An amount, or a part (of one) of the whole. */
export type ThresholdValue = { readonly amount: number } | { readonly part: number };

export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** 0: a hard one. */
  readonly gracePeriodMs: number;
  /** How much more than the threshold is to be free before it counts as resolved. */
  readonly minReclaim?: ThresholdValue;
}

/** Signal -> quantity or percentage, as in a KubeletConfiguration. */
export type SignalMap = Readonly<Record<string, string>>;

export interface EvictionConfig {
  /** Replaces the defaults as a whole, unless they are merged. */
  readonly hard?: SignalMap;
  /** Signals that `hard` does not name keep their defaults. Default false. */
  readonly mergeDefaults?: boolean;
  readonly soft?: SignalMap;
  /** Milliseconds, one for each soft threshold. */
  readonly softGracePeriodMs?: Readonly<Record<string, number>>;
  readonly minimumReclaim?: SignalMap;
  /** How long a condition stays after its threshold was met last. Default 5 min. */
  readonly pressureTransitionPeriodMs?: number;
  /** The most that a pod gets to end for a soft threshold. Default 0. */
  readonly maxPodGracePeriodSeconds?: number;
  /** How often the node is looked at. Default 10 s. */
  readonly monitoringIntervalMs?: number;
}

export const DEFAULT_HARD: SignalMap = {
  "memory.available": "100Mi",
  "nodefs.available": "10%",
  "nodefs.inodesFree": "5%",
  "imagefs.available": "15%",
  "imagefs.inodesFree": "5%",
};

/** Throws on signals and values that mean nothing. */
export function parseThresholds(config: EvictionConfig): readonly Threshold[] {
  const { mergeDefaults = false, soft = {}, softGracePeriodMs = {}, minimumReclaim = {} } = config;
  const hard = mergeDefaults ? { ...DEFAULT_HARD, ...config.hard } : (config.hard ?? DEFAULT_HARD);
  const reclaims = new Map(
    Object.entries(minimumReclaim).map(([name, text]) => [signalOf(name), reclaim(name, text)]),
  );
  const withReclaim = (threshold: Threshold): Threshold => {
    const minReclaim = reclaims.get(threshold.signal);
    return minReclaim === undefined ? threshold : { ...threshold, minReclaim };
  };
  for (const name of Object.keys(softGracePeriodMs)) signalOf(name);
  const hardOnes = Object.entries(hard).flatMap(([name, text]) => parseThreshold(name, text, 0));
  const softOnes = Object.entries(soft).flatMap(([name, text]) => {
    const gracePeriodMs = softGracePeriodMs[name];
    if (gracePeriodMs === undefined)
      throw new Error(`grace period must be specified for the soft eviction threshold ${name}`);
    return parseThreshold(name, text, gracePeriodMs);
  });
  const own = [...hardOnes, ...softOnes].map(withReclaim);
  // What all pods may have together is guarded as the memory of the machine is.
  const memory = own.find(
    ({ signal, gracePeriodMs }) => signal === "memory.available" && gracePeriodMs === 0,
  );
  return memory === undefined ? own : [...own, { ...memory, signal: "allocatableMemory.available" }];
}

function signalOf(name: string): Signal {
  if (!(name in SIGNALS)) throw new Error(`unsupported eviction signal ${name}`);
  return name as Signal;
}

/** 0% and 100% switch a threshold off. */
function parseThreshold(name: string, text: string, gracePeriodMs: number): readonly Threshold[] {
  const signal = signalOf(name);
  if (text.endsWith("%")) {
    const part = percentage(name, text);
    if (part === 0 || part === 1) return [];
    if (part < 0) throw new Error(`eviction percentage threshold ${name} must be >= 0%: ${text}`);
    if (part > 1) throw new Error(`eviction percentage threshold ${name} must be <= 100%: ${text}`);
    return [{ signal, value: { part }, gracePeriodMs }];
  }
  const amount = quantity(name, text);
  if (amount <= 0) throw new Error(`eviction threshold ${name} must be positive: ${text}`);
  return [{ signal, value: { amount }, gracePeriodMs }];
}

function reclaim(name: string, text: string): ThresholdValue {
  if (text.endsWith("%")) {
    const part = percentage(name, text);
    if (part <= 0) throw new Error(`eviction percentage minimum reclaim ${name} must be positive: ${text}`);
    return { part };
  }
  const amount = quantity(name, text);
  if (amount < 0) throw new Error(`negative eviction minimum reclaim specified for ${name}`);
  return { amount };
}

function percentage(name: string, text: string): number {
  const number = /^-?\d+(?:\.\d+)?(?=%$)/u.exec(text)?.[0];
  if (number === undefined) throw new Error(`${name} is no percentage: ${text}`);
  return Number(number) / 100;
}

function quantity(name: string, text: string): number {
  if (!isQuantity(text)) throw new Error(`${name} is no quantity: ${text}`);
  const parsed = parseQuantity(text);
  return signOf(parsed) === 0 || compareQuantity(parsed, ZERO_QUANTITY) < 0
    ? Math.min(0, quantityValue(parsed))
    : quantityValue(parsed);
}

/** The amount that a value stands for. */
export function amountOfThreshold(value: ThresholdValue, capacity: number): number {
  return "amount" in value ? value.amount : Math.floor(capacity * value.part);
}

/** Containers' writable layers are guarded as the file system that they lie on. */
export function withContainerFs(
  thresholds: readonly Threshold[],
  { dedicatedImageFs, splitContainerFs }: FsLayout,
): readonly Threshold[] {
  const like = dedicatedImageFs && !splitContainerFs ? "imagefs" : "nodefs";
  const rest = thresholds.filter(({ signal }) => !signal.startsWith("containerfs."));
  const added = rest.flatMap((threshold) =>
    threshold.signal.startsWith(`${like}.`)
      ? [{ ...threshold, signal: threshold.signal.replace(like, "containerfs") as Signal }]
      : [],
  );
  return [...rest, ...added];
}

/** Whether images, and writable layers, lie on file systems of their own. */
export interface FsLayout {
  readonly dedicatedImageFs: boolean;
  readonly splitContainerFs: boolean;
}
