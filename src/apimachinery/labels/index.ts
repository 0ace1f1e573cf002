/** Label selectors; used as a namespace: `labels.matches(labels.parse("app=web"), object.metadata.labels)`. @module */
export * from "./requirement.ts";
export * from "./selector.ts";
