/**
 * `/healthz` and `/livez` of kube-proxy. It is healthy while no change waits longer than a minute for its rules; `/healthz` says
 * besides whether load balancers should still send to this node.
 * @module
 */
import type { Node } from "#api/core/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import type { Clock, Logger } from "#apimachinery";
import { serveHttp, type HttpAnswer, type HttpSecurity } from "#component-base";

/** The autoscaler's mark on a node that is about to go. */
const TO_BE_DELETED_TAINT = "ToBeDeletedByClusterAutoscaler";

interface State {
  readonly healthy: boolean;
  /** The oldest of all families. */
  readonly lastUpdatedMs: number;
  readonly nowMs: number;
  readonly families: ReadonlyMap<IpFamily, FamilyState>;
}

interface FamilyState {
  readonly healthy: boolean;
  readonly lastUpdatedMs: number;
}

export class ProxyHealth {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #updatedMs: Map<IpFamily, number>;
  /** The oldest change of each family that is not written. */
  readonly #pendingMs = new Map<IpFamily, number>();

  /** It counts as healthy while it starts, and then while no change waits longer than `timeoutMs`. */
  constructor(families: readonly IpFamily[], clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#updatedMs = new Map(families.map((family) => [family, clock.now()]));
  }

  /** Something has changed, for all families. */
  queued(): void {
    for (const family of this.#updatedMs.keys())
      if (!this.#pendingMs.has(family)) this.#pendingMs.set(family, this.#clock.now());
  }

  updated(family: IpFamily): void {
    this.#pendingMs.delete(family);
    this.#updatedMs.set(family, this.#clock.now());
  }

  now(): State {
    const nowMs = this.#clock.now();
    const families = new Map(
      [...this.#updatedMs].map(([family, lastUpdatedMs]) => {
        const pendingMs = this.#pendingMs.get(family);
        const healthy = pendingMs === undefined || nowMs - pendingMs < this.#timeoutMs;
        return [family, { healthy, lastUpdatedMs }];
      }),
    );
    const healthy = [...families.values()].every((family) => family.healthy);
    const lastUpdatedMs = Math.min(...this.#updatedMs.values());
    return { healthy, lastUpdatedMs, nowMs, families };
  }
}

/** Not about to be deleted, and known at all. */
export function isEligible(node: Node | undefined): boolean {
  if (node === undefined || node.metadata.deletionTimestamp !== undefined) return false;
  return !(node.spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED_TAINT);
}

/** Pure. Undefined for other paths. */
export function answerHealth(path: string, state: State, node: Node | undefined): HttpAnswer | undefined {
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
    status: Object.fromEntries(
      [...state.families].map(([family, one]) => [
        family,
        { lastUpdated: timeText(one.lastUpdatedMs), healthy: one.healthy },
      ]),
    ),
  };
  return { status: isGood ? 200 : 503, contentType: "application/json", body: JSON.stringify(body) };
}

export interface ProxyHealthOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly secure?: HttpSecurity;
  readonly health: ProxyHealth;
  readonly node: () => Node | undefined;
  readonly logger: Logger;
  readonly onAnswer?: (path: string, status: number) => void;
}

/** Resolves once it listens, or has said that it cannot. */
export function serveProxyHealth(options: ProxyHealthOptions): Promise<AsyncDisposable> {
  const { host, port, secure, logger, health, node, onAnswer } = options;
  return serveHttp({
    name: "/healthz",
    host,
    port,
    secure,
    logger,
    answer(path) {
      const answer = answerHealth(path, health.now(), node());
      if (answer !== undefined) onAnswer?.(path, answer.status);
      return answer;
    },
  });
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
