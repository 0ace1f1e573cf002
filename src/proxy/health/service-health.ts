/**
 * `healthCheckNodePort`: for each Service whose load balancer must know which nodes serve, a port that says how many ready
 * endpoints this node has. 200 with some, 503 without.
 * @module
 */
import type { Server, ServerResponse } from "node:http";
import { Services } from "#api/core/v1/service";
import { apiVersionOf, messageOf, splitKey, type Logger, type ObjectKey } from "#apimachinery";
import { createHttpServer, HTTP_CONNECTIONS_MAX, HTTP_REQUEST_TIMEOUT_MS } from "#component-base";
import type { EventRecorder } from "#client";
import type { HealthCheck } from "../plan.ts";

export interface ServiceHealthOptions {
  /** Addresses to listen on. */
  readonly hosts: readonly string[];
  readonly nodeName: string;
  /** Whether the node's rules are what they should be. */
  readonly isHealthy: () => boolean;
  readonly logger: Logger;
  readonly events?: EventRecorder;
}

interface Running {
  readonly port: number;
  readonly servers: readonly Server[];
  localEndpoints: number;
}

export class ServiceHealthServers implements AsyncDisposable {
  readonly #options: ServiceHealthOptions;
  readonly #running = new Map<ObjectKey, Running>();
  /** Ports that somebody else has: told of once. */
  readonly #failed = new Map<ObjectKey, number>();

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
  }

  /** Opens and closes what differs; a port that cannot be had is tried again by the next call. */
  async sync(wanted: ReadonlyMap<ObjectKey, HealthCheck>): Promise<void> {
    for (const [key, { port, servers }] of this.#running) {
      if (wanted.get(key)?.port === port) continue;
      this.#running.delete(key);
      await close(servers);
    }
    for (const [key, { port, localEndpoints }] of wanted) {
      const running = this.#running.get(key);
      if (running === undefined) await this.#open(key, port, localEndpoints);
      else running.localEndpoints = localEndpoints;
    }
    for (const key of this.#failed.keys()) if (!wanted.has(key)) this.#failed.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sync(new Map());
  }

  async #open(key: ObjectKey, port: number, localEndpoints: number): Promise<void> {
    const servers: Server[] = [];
    const running: Running = { port, servers, localEndpoints };
    try {
      for (const host of this.#options.hosts)
        servers.push(await listen(host, port, (response) => this.#answer(key, running, response)));
    } catch (err) {
      await close(servers);
      this.#tellFailure(key, port, err);
      return;
    }
    this.#failed.delete(key);
    this.#running.set(key, running);
  }

  #tellFailure(key: ObjectKey, port: number, err: unknown): void {
    if (this.#failed.get(key) === port) return;
    this.#failed.set(key, port);
    const { nodeName, logger, events } = this.#options;
    const why = messageOf(err);
    const message = `node ${nodeName} failed to start healthcheck "${key}" on port ${port}: ${why}`;
    logger.error("health checks of a service are not answered", { service: key, port, err });
    const metadata = splitKey(key);
    events?.event(
      { apiVersion: apiVersionOf(Services), kind: "Service", metadata },
      "Warning",
      "FailedToStartServiceHealthcheck",
      message,
      { action: "Listen" },
    );
  }

  #answer(key: ObjectKey, { localEndpoints }: Running, response: ServerResponse): void {
    const { namespace = "", name } = splitKey(key);
    const serviceProxyHealthy = this.#options.isHealthy();
    const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy };
    response.writeHead(localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
      "content-type": "application/json",
      "x-content-type-options": "nosniff",
      "x-load-balancing-endpoint-weight": String(localEndpoints),
    });
    response.end(JSON.stringify(body, undefined, "\t"));
  }
}

function listen(host: string, port: number, answer: (response: ServerResponse) => void): Promise<Server> {
  const server = createHttpServer({ requestTimeout: HTTP_REQUEST_TIMEOUT_MS }, (request, response) => {
    request.resume();
    answer(response);
  });
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  server.once("error", reject);
  // `::` must leave the port of 0.0.0.0 to the other family
  server.listen({ port, host, ipv6Only: host.includes(":") }, () => resolve(server));
  return promise;
}

async function close(servers: readonly Server[]): Promise<void> {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
