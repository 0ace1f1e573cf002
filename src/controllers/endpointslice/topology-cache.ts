/** Which services have topology hints and how their endpoints are spread, and what is to be told of that. @module */
import type { ObjectKey } from "#apimachinery";
import { isOverloaded, type ZoneCounts } from "./topology-hints.ts";

/** What became of the hints of one address type. */
export interface TopologyResult {
  readonly addressType: string;
  /** The annotation asks for hints. */
  readonly isAuto: boolean;
  readonly byZone?: ZoneCounts;
  readonly problem?: string;
}

export interface TopologyEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: "TopologyAwareHintsEnabled" | "TopologyAwareHintsDisabled";
  readonly message: string;
}

/** Bounded by the services that ask for hints. */
export class TopologyCache {
  readonly #byService = new Map<ObjectKey, Map<string, ZoneCounts>>();
  readonly #hinted = new Set<ObjectKey>();

  get isEmpty(): boolean {
    return this.#byService.size === 0;
  }

  note(key: ObjectKey, results: readonly TopologyResult[]): readonly TopologyEvent[] {
    return results.flatMap((result) => this.#noteOne(key, result));
  }

  forget(key: ObjectKey): void {
    this.#byService.delete(key);
    this.#hinted.delete(key);
  }

  /** Services whose endpoints do not fit the nodes any more. */
  overloaded(ratios: ReadonlyMap<string, number> | undefined): readonly ObjectKey[] {
    return [...this.#byService]
      .filter(([, byType]) => [...byType.values()].some((byZone) => isOverloaded(byZone, ratios)))
      .map(([key]) => key);
  }

  #noteOne(
    key: ObjectKey,
    { addressType, isAuto, byZone, problem }: TopologyResult,
  ): readonly TopologyEvent[] {
    const wasHinted = this.#hinted.has(key);
    if (byZone !== undefined) {
      const byType = this.#byService.get(key) ?? new Map<string, ZoneCounts>();
      this.#byService.set(key, byType.set(addressType, byZone));
      this.#hinted.add(key);
      return wasHinted ? [] : [enabled(addressType)];
    }
    const byType = this.#byService.get(key);
    byType?.delete(addressType);
    if (byType?.size === 0) this.#byService.delete(key);
    this.#hinted.delete(key);
    if (problem !== undefined) return [disabled(problem, addressType)];
    return wasHinted && !isAuto ? [disabled("Topology Aware Hints has been disabled", addressType)] : [];
  }
}

function enabled(addressType: string): TopologyEvent {
  const message = `Topology Aware Hints has been enabled, addressType: ${addressType}`;
  return { type: "Normal", reason: "TopologyAwareHintsEnabled", message };
}

function disabled(why: string, addressType: string): TopologyEvent {
  const message = `${why}, addressType: ${addressType}`;
  return { type: "Warning", reason: "TopologyAwareHintsDisabled", message };
}
