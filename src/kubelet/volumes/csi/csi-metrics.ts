/** How long calls of CSI drivers take, with upstream's name. @module */
import { Histogram, type Registry } from "#component-base";
import { RUNTIME_ERROR_CODES } from "#cri";

const BUCKETS_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

export interface CsiMetrics {
  observe(driver: string, method: string, code: string, durationMs: number): void;
}

export function newCsiMetrics(registry: Registry): CsiMetrics {
  const seconds = new Histogram({
    name: "csi_operations_seconds",
    help: "[ALPHA] Container Storage Interface operation duration with gRPC error code status total",
    labelNames: ["driver_name", "method_name", "grpc_status_code", "migrated"],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    observe(driver, method, code, durationMs) {
      const known = (RUNTIME_ERROR_CODES as readonly string[]).includes(code) ? code : "unknown-non-grpc";
      seconds.observe(
        { driver_name: driver, method_name: method, grpc_status_code: known, migrated: "false" },
        durationMs / 1000,
      );
    },
  };
}
