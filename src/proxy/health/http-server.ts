/** A small server whose absence is told and borne: the rules are more important than to be asked about them. @module */
import type { Server } from "node:http";
import type { Logger } from "#apimachinery";
import { createHttpServer } from "#component-base";
import { CONNECTIONS_MAX, REQUEST_TIMEOUT_MS } from "./service-health.ts";

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export const TEXT = "text/plain; charset=utf-8";
const NOT_FOUND: Answer = { status: 404, contentType: TEXT, body: "404 page not found\n" };

export interface HttpOptions {
  /** What is missing without it, for the log. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  /** Undefined for paths that are not served. */
  readonly answer: (path: string) => Answer | undefined | Promise<Answer | undefined>;
}

/** Resolves once it listens, or has said that it cannot. */
export async function serveHttp(options: HttpOptions): Promise<AsyncDisposable> {
  const { name, host, port, logger, answer } = options;
  const server = createHttpServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    request.resume();
    const send = ({ status, contentType, body }: Answer = NOT_FOUND): void => {
      response.writeHead(status, { "content-type": contentType, "x-content-type-options": "nosniff" });
      response.end(request.method === "HEAD" ? "" : body);
    };
    const path = (request.url ?? "").split("?", 1)[0]!;
    Promise.resolve(answer(path)).then(send, (err: unknown) => {
      logger.error("could not answer", { path, err });
      send({ status: 500, contentType: TEXT, body: "internal error\n" });
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  const failure = await listen(server, host, port);
  if (failure !== undefined) logger.error(`${name} is not served`, { host, port, err: failure });
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  server.once("error", resolve);
  server.listen(port, host, () => resolve(undefined));
  return promise;
}
