/** Encryption under upstream's metric names. @module */
import { createHash } from "node:crypto";
import type { Clock } from "#apimachinery";
import { Family } from "../http/metric-family.ts";

const BOUNDS = Array.from({ length: 25 }, (_, i) => 5e-6 * 2 ** i);

export interface Transformation {
  readonly resource: string;
  readonly type: "from_storage" | "to_storage";
  readonly prefix: string;
  /** Of `now`. */
  readonly begun: number;
  readonly isOk: boolean;
}

export class TransformationMetrics {
  readonly #clock: Clock;
  readonly #idHash: string;
  readonly #durations = new Family(
    "histogram",
    "apiserver_storage_transformation_duration_seconds",
    "[ALPHA] Latencies in seconds of value transformation operations.",
    ["transformation_type", "transformer_prefix"],
    BOUNDS,
  );
  readonly #totals = new Family(
    "counter",
    "apiserver_storage_transformation_operations_total",
    "[ALPHA] Transformations of stored values by result.",
    ["resource", "transformation_type", "transformer_prefix", "status"],
  );
  readonly #reloads = new Family(
    "counter",
    "apiserver_encryption_config_controller_automatic_reloads_total",
    "[ALPHA] Reloads of the encryption configuration by result.",
    ["status", "apiserver_id_hash"],
  );
  readonly #reloaded = new Family(
    "gauge",
    "apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds",
    "[ALPHA] When the encryption configuration was last reloaded, by result.",
    ["status", "apiserver_id_hash"],
  );

  /** `id`: what the server is called among its peers. */
  constructor(clock: Clock, id: string) {
    this.#clock = clock;
    this.#idHash = id === "" ? "" : `sha256:${createHash("sha256").update(id).digest("hex")}`;
  }

  now(): number {
    return this.#clock.monotonicMs();
  }

  observe({ resource, type, prefix, begun, isOk }: Transformation): void {
    this.#totals.series(resource, type, prefix, isOk ? "OK" : "unknown-non-grpc").inc();
    if (isOk) this.#durations.series(type, prefix).observe((this.now() - begun) / 1000);
  }

  reloaded(status: "success" | "failure"): void {
    this.#reloads.series(status, this.#idHash).inc();
    this.#reloaded.series(status, this.#idHash).set(this.#clock.now() / 1000);
  }

  render(): string {
    const families = [this.#durations, this.#totals, this.#reloads, this.#reloaded];
    return families.map((family) => family.render()).join("");
  }
}
