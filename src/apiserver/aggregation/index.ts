/** Public surface of the aggregation layer. @module */
export { API_SERVICES } from "./api-service.ts";
export { Aggregator, AGGREGATOR_METRICS } from "./aggregator.ts";
export { AuthenticationConfig } from "./authentication-config.ts";
export { apiServiceHooks } from "./hooks.ts";
export type { InProcessAnswer, InProcessBackend, InProcessRequest } from "./in-process-backends.ts";
