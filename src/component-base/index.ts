/** Public surface of component-base. @module */
export * from "./config/config-file.ts";
export * from "./feature-gates.ts";
export * from "./health/health.ts";
export * from "./logging/logger.ts";
export * from "./metrics/buckets.ts";
export * from "./metrics/metrics.ts";
export * from "./pki/detached-signature.ts";
export * from "./pki/renewal-due.ts";
export * from "./pki/tls-server.ts";
export * from "./process/run-command.ts";
export * from "./process/task-group.ts";
export * from "./version.ts";
