/** API Priority and Fairness. @module */
export { FlowConfiguration } from "./configuration.ts";
export { debugRoute } from "./debug-route.ts";
export type { FlowControl } from "./flow-control.ts";
export { renderFlowMetrics } from "./metrics.ts";
export { newFlowControl } from "./new-flow-control.ts";
export type { Seat } from "./seat.ts";
export { takeSeat } from "./take-seat.ts";
