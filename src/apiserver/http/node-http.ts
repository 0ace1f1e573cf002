/**
 * Node's HTTP/1.1. An `import` of it evaluates all that it exports, also the WebSocket client that a server never needs:
 * 15 ms of every start.
 * @module
 */
import type * as Http from "node:http";

const http: typeof Http = process.getBuiltinModule("node:http");

export const createServer: typeof Http.createServer = http.createServer;
export const request: typeof Http.request = http.request;
export const STATUS_CODES: typeof Http.STATUS_CODES = http.STATUS_CODES;
