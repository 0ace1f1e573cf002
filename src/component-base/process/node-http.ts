/**
 * Node's HTTP/1, as a server or a client needs it. An import of `node:http` reads all its exports, and the last ones load
 * fetch and WebSocket: some MB and many ms in every process, which uses neither.
 * @module
 */
import type * as Http from "node:http";
import type * as Https from "node:https";

const http: typeof Http = process.getBuiltinModule("node:http");

export const createHttpServer: typeof Http.createServer = http.createServer;
export const httpRequest: typeof Http.request = http.request;
export const HttpAgent: typeof Http.Agent = http.Agent;
export type HttpAgent = Http.Agent;

/** Loaded when it is wanted: TLS is a good part of what Node has. */
export function createHttpsServer(
  options: Https.ServerOptions,
  listener: Http.RequestListener,
): Https.Server {
  return process.getBuiltinModule("node:https").createServer(options, listener);
}
