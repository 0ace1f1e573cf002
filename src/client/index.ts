/** Public surface of client. @module */
export * from "./client.ts";
export * from "./transport.ts";
