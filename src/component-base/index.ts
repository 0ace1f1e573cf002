/** Public surface of component-base. @module */
export * from "./config/config-file.ts";
export * from "./feature-gates.ts";
export * from "./health/health.ts";
export * from "./logging/logger.ts";
export * from "./metrics/buckets.ts";
export * from "./metrics/definitions.ts";
export * from "./metrics/metrics.ts";
export * from "./pki/detached-signature.ts";
export * from "./pki/pem.ts";
export * from "./pki/renewal-due.ts";
export * from "./pki/tls-server.ts";
export { deleteStaleFlows, type Flows } from "./process/conntrack.ts";
export * from "./process/live-value.ts";
export * from "./process/processes.ts";
export * from "./process/run-command.ts";
export * from "./process/task-group.ts";
export * from "./ttl-cache.ts";
export * from "./version.ts";
