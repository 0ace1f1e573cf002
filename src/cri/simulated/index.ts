/** The runtime that runs nothing. @module */
export { SIMULATED_EXIT_ANNOTATION } from "./script.ts";
export { createSimulatedRuntime, type SimulatedRuntimeOptions } from "./simulated-runtime.ts";
