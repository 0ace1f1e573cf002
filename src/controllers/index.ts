/** Public surface of controllers: one constructor per controller, by the names kube-controller-manager gives them. @module */
export { controllerMetricDefinitions } from "./metric-definitions.ts";
export { controllerNames, controllers, newControllers, selectControllers } from "./registry.ts";
export type { ControllerInit, ControllerOptions } from "./options.ts";
