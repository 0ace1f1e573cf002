/** The patches of the API, applied and made. @module */
export * from "./json-patch.ts";
export * from "./merge-patch.ts";
export { applyStrategicMergePatch, combineStrategicMergePatches } from "./strategic-merge.ts";
export * from "./strategic-diff.ts";
