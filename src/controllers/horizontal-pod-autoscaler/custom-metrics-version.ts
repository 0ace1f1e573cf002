/** Which version of `custom.metrics.k8s.io` to ask: the one its server prefers, of those that are known here. @module */
import type { Clock } from "#apimachinery";
import { isNotFound } from "#apimachinery";
import type { Client } from "#client";

const GROUP = "custom.metrics.k8s.io";
const KNOWN: ReadonlySet<string> = new Set([`${GROUP}/v1beta2`, `${GROUP}/v1beta1`]);
/** Upstream asks again with every sync period. */
const VALID_MS = 15_000;

interface ApiGroup {
  readonly preferredVersion?: { readonly groupVersion: string };
  readonly versions?: readonly { readonly groupVersion: string }[];
}

export class CustomMetricsVersion {
  readonly #client: Client;
  readonly #clock: Clock;
  #known: { readonly groupVersion: string; readonly untilMs: number } | undefined;

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Group and version; rejects with upstream's words when there is none. */
  async get(signal: AbortSignal): Promise<string> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#known !== undefined && nowMs < this.#known.untilMs) return this.#known.groupVersion;
    const groupVersion = choose(await this.#fetch(signal));
    this.#known = { groupVersion, untilMs: nowMs + VALID_MS };
    return groupVersion;
  }

  async #fetch(signal: AbortSignal): Promise<ApiGroup> {
    try {
      const request = { method: "GET", path: `/apis/${GROUP}` } as const;
      return (await this.#client.transport.request(request, signal)).body as ApiGroup;
    } catch (err) {
      if (isNotFound(err)) throw new Error(`no custom metrics API (${GROUP}) registered`, { cause: err });
      throw err;
    }
  }
}

function choose({ preferredVersion, versions = [] }: ApiGroup): string {
  const offered = [preferredVersion, ...versions].map((one) => one?.groupVersion ?? "");
  const found = offered.find((groupVersion) => KNOWN.has(groupVersion));
  if (found === undefined) throw new Error("no known available metric versions found");
  return found;
}
