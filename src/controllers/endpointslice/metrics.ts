/** What the controllers of EndpointSlices report of their work. @module */
import type { ObjectKey } from "#apimachinery";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { MetricsSink } from "#client";
import { equalJSON } from "../template-hash.ts";
import type { SliceChanges } from "./merge.ts";

interface Size {
  readonly endpoints: number;
  readonly slices: number;
  readonly desired: number;
}

const NOTHING: Size = { endpoints: 0, slices: 0, desired: 0 };

export class SliceMetrics {
  readonly #metrics: MetricsSink;
  readonly #subsystem: string;
  /** Bounded by the services. */
  readonly #sizes = new Map<ObjectKey, Size>();
  /** Bounded by the services that have one. */
  readonly #distributions = new Map<ObjectKey, string>();
  #total = NOTHING;

  constructor(metrics: MetricsSink, subsystem: string) {
    this.#metrics = metrics;
    this.#subsystem = subsystem;
  }

  changed(operation: "create" | "update" | "delete"): void {
    this.#metrics.inc(`${this.#subsystem}_changes`, { operation });
  }

  /** All of `changes` were made to `existing`. */
  synced(
    key: ObjectKey,
    existing: readonly EndpointSlice[],
    changes: SliceChanges,
    endpointsMax: number,
  ): void {
    const replaced = new Set([...changes.update, ...changes.remove].map(({ metadata }) => metadata.name));
    const kept = existing.filter(({ metadata }) => !replaced.has(metadata.name));
    const now = [...kept, ...changes.update, ...changes.create];
    const before = addressesOf(existing);
    const after = addressesOf(now);
    const added = [...after].filter((address) => !before.has(address)).length;
    const removed = before.size + added - after.size;
    this.#metrics.observe(`${this.#subsystem}_endpoints_added_per_sync`, {}, added);
    this.#metrics.observe(`${this.#subsystem}_endpoints_removed_per_sync`, {}, removed);
    this.#resize(key, {
      endpoints: after.size,
      slices: now.length,
      desired: desiredSlices(now, endpointsMax),
    });
  }

  /** Empty: the service says nothing of where its traffic is to go. */
  distributes(key: ObjectKey, distribution: string): void {
    const before = this.#distributions.get(key) ?? "";
    if (before === distribution) return;
    if (distribution === "") this.#distributions.delete(key);
    else this.#distributions.set(key, distribution);
    const all = [...this.#distributions.values()];
    for (const one of [before, distribution].filter((name) => name !== "")) {
      const labels = { traffic_distribution: one };
      const number = all.filter((name) => name === one).length;
      this.#metrics.set(`${this.#subsystem}_services_count_by_traffic_distribution`, labels, number);
    }
  }

  forget(key: ObjectKey): void {
    this.distributes(key, "");
    this.#resize(key, NOTHING);
    this.#sizes.delete(key);
  }

  #resize(key: ObjectKey, size: Size): void {
    const before = this.#sizes.get(key) ?? NOTHING;
    this.#sizes.set(key, size);
    const { endpoints, slices, desired } = this.#total;
    this.#total = {
      endpoints: endpoints + size.endpoints - before.endpoints,
      slices: slices + size.slices - before.slices,
      desired: desired + size.desired - before.desired,
    };
    this.#metrics.set(`${this.#subsystem}_endpoints_desired`, {}, this.#total.endpoints);
    this.#metrics.set(`${this.#subsystem}_num_endpoint_slices`, {}, this.#total.slices);
    this.#metrics.set(`${this.#subsystem}_desired_endpoint_slices`, {}, this.#total.desired);
  }
}

function groupOf({ addressType, ports = [] }: EndpointSlice): string {
  return `${addressType}|${JSON.stringify(ports)}`;
}

function addressesOf(slices: readonly EndpointSlice[]): ReadonlySet<string> {
  return new Set(
    slices.flatMap((slice) => {
      const group = groupOf(slice);
      return (slice.endpoints ?? []).map(({ addresses }) => `${group}|${addresses.join(",")}`);
    }),
  );
}

/** At least one for every address type and set of ports. */
function desiredSlices(slices: readonly EndpointSlice[], endpointsMax: number): number {
  const groups = Map.groupBy(slices, groupOf);
  const sizes = Array.from(groups.values(), (group) =>
    group.reduce((sum, { endpoints = [] }) => sum + endpoints.length, 0),
  );
  return sizes.reduce((sum, size) => sum + Math.max(Math.ceil(size / endpointsMax), 1), 0);
}

/** Endpoints that stay where they are and say something new. */
export function updatedEndpoints(existing: readonly EndpointSlice[], { update }: SliceChanges): number {
  const before = new Map(existing.map((slice) => [slice.metadata.name, slice]));
  return update.reduce((sum, { metadata, endpoints = [] }) => {
    const old = new Map(
      (before.get(metadata.name)?.endpoints ?? []).map((one) => [one.addresses.join(), one]),
    );
    const changed = endpoints.filter((one) => {
      const known = old.get(one.addresses.join());
      return known !== undefined && !equalJSON(known, one);
    });
    return sum + changed.length;
  }, 0);
}
