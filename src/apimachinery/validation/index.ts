/** Validation that every kind shares. @module */
export * from "./labels.ts";
export * from "./object-meta.ts";
export * from "./options.ts";
