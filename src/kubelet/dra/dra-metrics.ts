/** What `/metrics` shows of dynamic resources; upstream's names. @module */
import { Gauge, Histogram, type Registry } from "#component-base";
import type { OnDraCall } from "./dra-plugin.ts";

/** Fifteen steps from 0.1 s to 40 s, each larger by the same factor. */
const BUCKETS_SECONDS = Array.from({ length: 15 }, (_, step) => 0.1 * 400 ** (step / 14));

/** All drivers together. */
const ANY_DRIVER = "<any>";

export interface DRAMetrics {
  operation(name: "PrepareResources" | "UnprepareResources", isError: boolean, durationMs: number): void;
  readonly call: OnDraCall;
}

/** `inUse`: the drivers of each claim that is prepared now. */
export function newDRAMetrics(registry: Registry, inUse: () => readonly (readonly string[])[]): DRAMetrics {
  const registers = [registry];
  const operations = new Histogram({
    name: "dra_operations_duration_seconds",
    help: "[ALPHA] Time to handle all ResourceClaims of a pod that starts or stops",
    labelNames: ["operation_name", "is_error"],
    buckets: BUCKETS_SECONDS,
    registers,
  });
  const calls = new Histogram({
    name: "dra_grpc_operations_duration_seconds",
    help: "[ALPHA] Duration in seconds of the DRA gRPC operations",
    labelNames: ["driver_name", "method_name", "grpc_status_code"],
    buckets: BUCKETS_SECONDS,
    registers,
  });
  registry.registerMetric(
    new Gauge({
      name: "dra_resource_claims_in_use",
      help: "[ALPHA] ResourceClaims in use on the node, by driver and in all (<any>); one claim may use several drivers",
      labelNames: ["driver_name"],
      registers: [],
      collect() {
        this.reset();
        const claims = inUse();
        this.set({ driver_name: ANY_DRIVER }, claims.length);
        for (const driver of claims.flat()) this.inc({ driver_name: driver });
      },
    }),
  );
  return {
    operation: (name, isError, durationMs) =>
      operations.observe({ operation_name: name, is_error: String(isError) }, durationMs / 1000),
    call: (driver, method, code, durationMs) =>
      calls.observe({ driver_name: driver, method_name: method, grpc_status_code: code }, durationMs / 1000),
  };
}
