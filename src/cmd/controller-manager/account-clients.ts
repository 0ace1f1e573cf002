/** `--use-service-account-credentials`: every controller writes as its own account of kube-system, with a token of an hour. @module */
import { isAlreadyExists, isNotFound, parseTime, reasonOf, unless, type Clock } from "#apimachinery";
import type { TokenRequest } from "#api/authentication/v1/types.gen";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { newClient, type Client, type Request, type Transport } from "#client";

const NAMESPACE = "kube-system";
const EXPIRATION_SECONDS = 3_600;
/** A token is replaced when this part of its life is left. */
const LEFT = 0.2;

export interface AccountClientOptions {
  /** May make the accounts and their tokens. */
  readonly manager: Client;
  /** To the same server, in nobody's name. */
  readonly transport: Transport;
  readonly userAgent: string;
  readonly clock: Clock;
  /** Of the process: what asks for a token belongs to no single request. */
  readonly signal: AbortSignal;
}

export function newAccountClients(options: AccountClientOptions): (account: string) => Client {
  const clients = new Map<string, Client>();
  return (account) => {
    const known = clients.get(account);
    if (known !== undefined) return known;
    const { transport, userAgent } = options;
    const client = newClient(withToken(transport, new AccountToken(account, options)), { userAgent });
    clients.set(account, client);
    return client;
  };
}

class AccountToken {
  readonly #account: string;
  readonly #options: AccountClientOptions;
  #token: Promise<{ readonly text: string; readonly renewMs: number }> | undefined;

  constructor(account: string, options: AccountClientOptions) {
    this.#account = account;
    this.#options = options;
  }

  /** All that ask while the server answers share the answer. */
  async get(): Promise<string> {
    const { clock } = this.#options;
    const known = await this.#token;
    if (known !== undefined && clock.now() >= known.renewMs) this.#token = undefined;
    this.#token ??= this.#request().catch((err: unknown) => {
      this.#token = undefined;
      throw err;
    });
    return (await this.#token).text;
  }

  forget(): void {
    this.#token = undefined;
  }

  async #request(): Promise<{ readonly text: string; readonly renewMs: number }> {
    const { manager, clock, signal } = this.#options;
    const ref = { namespace: NAMESPACE, name: this.#account };
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: { audiences: [], expirationSeconds: EXPIRATION_SECONDS },
    };
    const ask = (): Promise<unknown> =>
      manager.createSubresource(ServiceAccounts, ref, "token", body, signal);
    const answer = await ask().catch(async (err: unknown) => {
      if (!isNotFound(err)) throw err;
      const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: ref } as const;
      await unless(isAlreadyExists, manager.create(ServiceAccounts, account, signal));
      return ask();
    });
    const { token = "", expirationTimestamp } = (answer as TokenRequest).status ?? {};
    const now = clock.now();
    const lifeMs = expirationTimestamp === undefined ? 0 : parseTime(expirationTimestamp) - now;
    return { text: token, renewMs: now + lifeMs * (1 - LEFT) };
  }
}

/** A request that is refused is made once more, with a new token. */
function withToken(transport: Transport, token: AccountToken): Transport {
  const signed = async (request: Request): Promise<Request> => ({
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${await token.get()}` },
  });
  return {
    async request(request, signal) {
      try {
        return await transport.request(await signed(request), signal);
      } catch (err) {
        if (reasonOf(err) !== "Unauthorized") throw err;
        token.forget();
        return transport.request(await signed(request), signal);
      }
    },
    async *watch(request, signal) {
      yield* transport.watch(await signed(request), signal);
    },
    async *stream(request, signal) {
      yield* transport.stream(await signed(request), signal);
    },
  };
}
