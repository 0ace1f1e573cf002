/**
 * When what the rules must follow has happened: EndpointSlices say so themselves, and how long it took until the rules had it is
 * the network programming latency.
 * @module
 */
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import type { ObjectKey } from "#apimachinery";

const TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time";
/** Between two transactions; further ones are not measured. */
const TIMES_MAX = 10_000;

export class TriggerTimes {
  /** What was there before is not this process's to measure. */
  readonly #sinceMs: number;
  #times = new Map<string, { readonly family: IpFamily; readonly timesMs: number[] }>();
  #size = 0;

  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  /** Of a slice that came or changed. */
  note(service: ObjectKey, { metadata, addressType }: EndpointSlice): void {
    const timeMs = Date.parse(metadata.annotations?.[TRIGGER_TIME_ANNOTATION] ?? "");
    if (addressType !== "IPv4" && addressType !== "IPv6") return;
    if (!(timeMs > this.#sinceMs) || this.#size >= TIMES_MAX) return;
    this.#size += 1;
    const key = `${addressType} ${service}`;
    const known = this.#times.get(key);
    if (known === undefined) this.#times.set(key, { family: addressType, timesMs: [timeMs] });
    else known.timesMs.push(timeMs);
  }

  /** The time of a slice that goes is that of its last change, and not of its going. */
  forget(service: ObjectKey, { addressType }: EndpointSlice): void {
    const key = `${addressType} ${service}`;
    this.#size -= this.#times.get(key)?.timesMs.length ?? 0;
    this.#times.delete(key);
  }

  /** Those of one family since it was last asked for them. */
  take(family: IpFamily): readonly number[] {
    const taken = [...this.#times].filter(([, times]) => times.family === family);
    for (const [key] of taken) this.#times.delete(key);
    const all = taken.flatMap(([, { timesMs }]) => timesMs);
    this.#size -= all.length;
    return all;
  }
}
