/** Service account tokens of pods: requested, kept, and renewed at 80 % of their life or after a day. @module */
import type { Clock } from "#apimachinery";
import type { Client } from "#client";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Pod, ServiceAccountTokenProjection } from "#api/core/v1/types.gen";
import { specOf, uidOf } from "../container/pod-spec.ts";

export interface CachedToken {
  readonly token: string;
  readonly renewAtMs: number;
  readonly expiresAtMs: number;
}

interface TokenRequestAnswer {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

const DEFAULT_EXPIRATION_SECONDS = 3600;
const MAX_LIFE_MS = 24 * 3600 * 1000;
/** Tokens kept; one per projected source of every pod. */
const TOKENS_MAX = 5000;

/** For whom a token is, and for how long. */
type Source = Pick<ServiceAccountTokenProjection, "audience" | "expirationSeconds">;

export class TokenManager {
  readonly #tokens = new Map<string, CachedToken>();
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(client: Client, clock: Clock, random: () => number) {
    this.#client = client;
    this.#clock = clock;
    this.#random = random;
  }

  /** A token that is good for a while; an old one that still works is kept when the server does not answer. */
  async get(pod: Pod, source: Source, signal: AbortSignal): Promise<string> {
    return (await this.entry(pod, source, signal)).token;
  }

  /** As `get`, with the token's times. */
  async entry(pod: Pod, source: Source, signal: AbortSignal): Promise<CachedToken> {
    const key = `${uidOf(pod)} ${source.audience ?? ""} ${source.expirationSeconds ?? ""}`;
    const cached = this.#tokens.get(key);
    const nowMs = this.#clock.now();
    if (cached !== undefined && nowMs < cached.renewAtMs) return cached;
    try {
      return await this.#request(key, pod, source, signal);
    } catch (err) {
      if (cached !== undefined && nowMs < cached.expiresAtMs) return cached;
      throw new Error(`failed to fetch token: ${(err as Error).message}`, { cause: err });
    }
  }

  /** When the first of the pod's tokens is due for renewal. */
  renewAtMs(uid: string): number | undefined {
    let first: number | undefined;
    for (const [key, { renewAtMs }] of this.#tokens) {
      if (key.startsWith(`${uid} `)) first = Math.min(first ?? Infinity, renewAtMs);
    }
    return first;
  }

  forget(uid: string): void {
    for (const key of this.#tokens.keys()) if (key.startsWith(`${uid} `)) this.#tokens.delete(key);
  }

  async #request(
    key: string,
    pod: Pod,
    { audience, expirationSeconds = DEFAULT_EXPIRATION_SECONDS }: Source,
    signal: AbortSignal,
  ): Promise<CachedToken> {
    const { name, namespace = "" } = pod.metadata;
    const account = specOf(pod).serviceAccountName ?? "default";
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: audience === undefined || audience === "" ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid: uidOf(pod) },
      },
    };
    const ref = { namespace, name: account };
    const answer = await this.#client.createSubresource(ServiceAccounts, ref, "token", body, signal);
    const { token, expirationTimestamp } = (answer as TokenRequestAnswer).status ?? {};
    if (token === undefined)
      throw new Error(`the server gave no token for service account ${namespace}/${account}`);
    const nowMs = this.#clock.now();
    const expiresAtMs =
      expirationTimestamp === undefined ? nowMs + expirationSeconds * 1000 : Date.parse(expirationTimestamp);
    const lifeMs = Math.min((expiresAtMs - nowMs) * 0.8, MAX_LIFE_MS);
    const jitterMs = Math.min(10_000, lifeMs / 10) * this.#random();
    const cached = { token, renewAtMs: nowMs + lifeMs - jitterMs, expiresAtMs };
    this.#tokens.delete(key);
    this.#tokens.set(key, cached);
    if (this.#tokens.size > TOKENS_MAX) this.#tokens.delete(this.#tokens.keys().next().value!);
    return cached;
  }
}
