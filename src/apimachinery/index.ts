/** Public surface of apimachinery. @module */
export * from "./clock.ts";
export * from "./errors.ts";
export * from "./kind.ts";
export * from "./logger.ts";
export * from "./meta.ts";
export * from "./watch.ts";
