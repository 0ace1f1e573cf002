/** What is attached, what is to be, and how long drivers take for it, under upstream's names. @module */
import type { Clock } from "#apimachinery";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import type { MetricsSink } from "#client";

const IN_USE = "storage_count_attachable_volumes_in_use";
const TOTAL = "attachdetach_controller_total_volumes";
const DURATION = "storage_operation_duration_seconds";

type State = "desired_state_of_world" | "actual_state_of_world";
type Operation = "volume_attach" | "volume_detach";
type Counts = ReadonlyMap<string, number>;

/** Upstream's name of the plugin that attaches for a driver. */
export function pluginOf(driver: string): string {
  return `kubernetes.io/csi:${driver}`;
}

/** Volumes by plugin, of each node and in all. Bounded by the nodes. */
export class VolumeCounts {
  readonly #metrics: MetricsSink;
  readonly #byNode = new Map<string, Readonly<Record<State, Counts>>>();
  readonly #plugins = new Set<string>();

  constructor(metrics: MetricsSink) {
    this.#metrics = metrics;
  }

  /** The drivers of the volumes that pods of the node use, and of those that are attached to it. */
  note(node: string, wanted: readonly string[], attached: readonly string[]): void {
    const desired = countByPlugin(wanted);
    const before = this.#byNode.get(node)?.desired_state_of_world ?? new Map<string, number>();
    this.#byNode.set(node, {
      desired_state_of_world: desired,
      actual_state_of_world: countByPlugin(attached),
    });
    for (const plugin of new Set([...before.keys(), ...desired.keys()]))
      this.#metrics.set(IN_USE, { node, volume_plugin: plugin }, desired.get(plugin) ?? 0);
    for (const driver of [...wanted, ...attached]) this.#plugins.add(pluginOf(driver));
    if (wanted.length + attached.length === 0) this.#byNode.delete(node);
    this.#reportTotals("desired_state_of_world");
    this.#reportTotals("actual_state_of_world");
  }

  #reportTotals(state: State): void {
    for (const plugin of this.#plugins) {
      const counts = [...this.#byNode.values()].map((of) => of[state].get(plugin) ?? 0);
      const total = counts.reduce((sum, count) => sum + count, 0);
      this.#metrics.set(TOTAL, { plugin_name: plugin, state }, total);
    }
  }
}

function countByPlugin(drivers: readonly string[]): Counts {
  const groups = Map.groupBy(drivers, pluginOf);
  return new Map([...groups].map(([plugin, { length }]) => [plugin, length]));
}

interface UnderWay {
  readonly operation: Operation;
  readonly plugin: string;
  readonly startMs: number;
}

/** From what was asked of a driver to what it answered. Bounded by the attachments that wait for one. */
export class OperationTimes {
  readonly #clock: Clock;
  readonly #metrics: MetricsSink;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(clock: Clock, metrics: MetricsSink) {
    this.#clock = clock;
    this.#metrics = metrics;
  }

  begin(operation: Operation, { metadata, spec }: VolumeAttachment): void {
    const startMs = this.#clock.monotonicMs();
    this.#underWay.set(metadata.name, { operation, plugin: pluginOf(spec.attacher), startMs });
  }

  /** A driver that fails tries again: the next answer counts from the failure. */
  observe({ metadata, status }: VolumeAttachment, old: VolumeAttachment | undefined, isGone: boolean): void {
    const now = this.#underWay.get(metadata.name);
    if (now === undefined) return;
    const isDone = now.operation === "volume_detach" ? isGone : status?.attached === true;
    const error = now.operation === "volume_detach" ? "detachError" : "attachError";
    const isFailure = status?.[error] !== undefined && status[error].time !== old?.status?.[error]?.time;
    if (!isDone && !isFailure && !isGone) return;
    if (isDone || isFailure) this.#report(now, isDone ? "success" : "fail-unknown");
    if (isDone || isGone) this.#underWay.delete(metadata.name);
    else this.#underWay.set(metadata.name, { ...now, startMs: this.#clock.monotonicMs() });
  }

  #report({ operation, plugin, startMs }: UnderWay, status: string): void {
    const labels = { volume_plugin: plugin, operation_name: operation, status, migrated: "false" };
    this.#metrics.observe(DURATION, labels, (this.#clock.monotonicMs() - startMs) / 1_000);
  }
}
