/** `/metrics`, `/health` and `/ready`, each on an address of its own as with CoreDNS. @module */
import type { Server } from "node:http";
import type { Logger } from "#apimachinery";
import { createHttpServer } from "#component-base";
import type { ListenAddress } from "./listen.ts";

export interface HttpEndpoint {
  readonly path: "/metrics" | "/health" | "/ready";
  readonly address: ListenAddress;
  readonly answer: () => HttpAnswer | Promise<HttpAnswer>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/** Says so, and goes on, where an address is taken: names are more important than to be asked about them. */
export async function serveHttp(
  { path, address, answer }: HttpEndpoint,
  logger: Logger,
): Promise<HttpServer> {
  const server = createHttpServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    request.resume();
    const send = ({ status, contentType, body }: HttpAnswer): void => {
      response.writeHead(status, { "content-type": contentType, "x-content-type-options": "nosniff" });
      response.end(request.method === "HEAD" ? "" : body);
    };
    if ((request.url ?? "").split("?", 1)[0] !== path) return send(text(404, "404 page not found\n"));
    Promise.resolve(answer()).then(send, (err: unknown) => {
      logger.error("could not answer", { path, err });
      send(text(500, "internal error\n"));
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  const failure = await listen(server, address);
  if (failure !== undefined) logger.error(`DNS ${path} is not served`, { ...address, err: failure });
  const bound = server.address();
  return {
    port: bound === null || typeof bound === "string" ? 0 : bound.port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function text(status: number, body: string): HttpAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

function listen(server: Server, { host, port }: ListenAddress): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  server.once("error", resolve);
  server.listen(port, host, () => resolve(undefined));
  return promise;
}
