/**
 * `/healthz` and `/livez` of kube-proxy. It is healthy while no change waits longer than a minute for its rules; `/healthz` says
 * besides whether load balancers should still send to this node.
 * @module
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { Node } from "#api/core/v1/types.gen";
import type { Clock, Logger } from "#apimachinery";
import { CONNECTIONS_MAX, REQUEST_TIMEOUT_MS } from "./service-health.ts";

/** Twice upstream's synchronisation period of 30 s. */
const HEALTH_TIMEOUT_MS = 60_000;
/** The autoscaler's mark on a node that is about to go. */
const TO_BE_DELETED_TAINT = "ToBeDeletedByClusterAutoscaler";
const FAMILY = "IPv4";

interface State {
  readonly healthy: boolean;
  readonly lastUpdatedMs: number;
  readonly nowMs: number;
}

export class ProxyHealth {
  readonly #clock: Clock;
  #updatedMs: number;
  /** The oldest change that is not written. */
  #pendingMs: number | undefined;

  /** It counts as healthy while it starts. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#updatedMs = clock.now();
  }

  queued(): void {
    this.#pendingMs ??= this.#clock.now();
  }

  updated(): void {
    this.#pendingMs = undefined;
    this.#updatedMs = this.#clock.now();
  }

  now(): State {
    const nowMs = this.#clock.now();
    const healthy = this.#pendingMs === undefined || nowMs - this.#pendingMs < HEALTH_TIMEOUT_MS;
    return { healthy, lastUpdatedMs: this.#updatedMs, nowMs };
  }
}

/** Not about to be deleted, and known at all. */
export function isEligible(node: Node | undefined): boolean {
  if (node === undefined || node.metadata.deletionTimestamp !== undefined) return false;
  return !(node.spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED_TAINT);
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Pure. Undefined for other paths. */
export function answerHealth(path: string, state: State, node: Node | undefined): Answer | undefined {
  if (path !== "/healthz" && path !== "/livez") return undefined;
  const nodeEligible = path === "/healthz" ? isEligible(node) : undefined;
  const isGood = state.healthy && nodeEligible !== false;
  const { healthy } = state;
  const body = {
    // when all is well, the answer is as recent as the question
    lastUpdated: timeText(isGood ? state.nowMs : state.lastUpdatedMs),
    currentTime: timeText(state.nowMs),
    ...(nodeEligible !== undefined && { nodeEligible }),
    healthy,
    status: { [FAMILY]: { lastUpdated: timeText(state.lastUpdatedMs), healthy } },
  };
  return { status: isGood ? 200 : 503, body: JSON.stringify(body) };
}

export interface ProxyHealthOptions {
  readonly host: string;
  readonly port: number;
  readonly health: ProxyHealth;
  readonly node: () => Node | undefined;
  readonly logger: Logger;
}

/** Resolves once it listens, or has said that it cannot: the rules are more important than to be asked about them. */
export async function serveProxyHealth(options: ProxyHealthOptions): Promise<AsyncDisposable> {
  const { host, port, logger, health, node } = options;
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    request.resume();
    const path = (request.url ?? "").split("?", 1)[0]!;
    send(response, answerHealth(path, health.now(), node()));
  });
  server.maxConnections = CONNECTIONS_MAX;
  const failure = await listen(server, host, port);
  if (failure !== undefined) logger.error("/healthz is not served", { host, port, err: failure });
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, answer: Answer | undefined): void {
  const headers = { "x-content-type-options": "nosniff" };
  if (answer === undefined)
    response.writeHead(404, { ...headers, "content-type": "text/plain; charset=utf-8" });
  else response.writeHead(answer.status, { ...headers, "content-type": "application/json" });
  response.end(answer?.body ?? "404 page not found\n");
}

function listen(server: Server, host: string, port: number): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  server.once("error", resolve);
  server.listen(port, host, () => resolve(undefined));
  return promise;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
