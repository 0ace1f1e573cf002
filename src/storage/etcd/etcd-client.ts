/** Calls to an etcd cluster over gRPC: several endpoints, time limits, and etcd's errors as the contract's. @module */
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import {
  Client,
  Metadata,
  connectivityState,
  credentials,
  status,
  type ClientDuplexStream,
  type ServiceError,
  type VerifyOptions,
} from "@grpc/grpc-js";
import type { Clock } from "#apimachinery";
import { StorageFull } from "../store.ts";
import { codec, type Codec } from "./messages.ts";

export interface EtcdTls {
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface EtcdClientOptions {
  /** `http://host:port` or `https://host:port`; tried in turn. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly clock: Clock;
  /** For one try of one call. */
  readonly timeoutMs: number;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface Header {
  readonly header: { readonly revision: number };
}

export interface RangeResponse extends Header {
  readonly kvs: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
}

export interface TxnResponse extends Header {
  readonly succeeded: boolean;
  readonly responses: readonly { readonly responseRange: RangeResponse }[];
}

export interface WatchResponse extends Header {
  readonly created: boolean;
  readonly canceled: boolean;
  readonly cancelReason: string;
  readonly compactRevision: number;
  readonly fragment: boolean;
  readonly events: readonly {
    readonly type: number;
    readonly kv: KeyValue;
    readonly prevKv: KeyValue | null;
  }[];
}

export type WatchStream = ClientDuplexStream<object, WatchResponse>;

/** A message as large as a page of the largest values etcd takes. */
const MESSAGE_BYTES_MAX = 512 * 2 ** 20;
const CHANNEL_OPTIONS = {
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};
const ROUNDS_MAX = 3;
const ROUND_DELAY_MS = 200;

export class EtcdClient {
  readonly #options: EtcdClientOptions;
  readonly #clients: readonly Client[];
  #current = 0;

  constructor(options: EtcdClientOptions) {
    if (options.endpoints.length === 0) throw new TypeError("etcd needs at least one endpoint");
    this.#options = options;
    this.#clients = options.endpoints.map((endpoint) => connect(endpoint, options.tls));
  }

  /** Reads are tried on every endpoint; safe because they change nothing. */
  range(request: object, signal: AbortSignal): Promise<RangeResponse> {
    return this.#retry(
      "/etcdserverpb.KV/Range",
      "RangeRequest",
      "RangeResponse",
      request,
      isUnavailable,
      signal,
    );
  }

  /** Tried again only where it certainly did not arrive: a second try of one that did would conflict with itself. */
  txn(request: object, signal: AbortSignal): Promise<TxnResponse> {
    return this.#retry("/etcdserverpb.KV/Txn", "TxnRequest", "TxnResponse", request, wasNotSent, signal);
  }

  compact(revision: number, signal: AbortSignal): Promise<Header> {
    const request = { revision };
    const path = "/etcdserverpb.KV/Compact";
    return this.#retry(path, "CompactionRequest", "CompactionResponse", request, isUnavailable, signal);
  }

  status(signal: AbortSignal): Promise<{ readonly version: string }> {
    const path = "/etcdserverpb.Maintenance/Status";
    return this.#retry(path, "StatusRequest", "StatusResponse", {}, isUnavailable, signal);
  }

  /** An open stream; ends with an error when the member it runs on loses its leader. */
  watch(): WatchStream {
    const metadata = new Metadata();
    metadata.set("hasleader", "true");
    const [request, response] = [codec("WatchRequest"), codec("WatchResponse")];
    return this.#clients[this.#current]!.makeBidiStreamRequest(
      "/etcdserverpb.Watch/Watch",
      request.encode,
      response.decode as (bytes: Buffer) => WatchResponse,
      metadata,
    );
  }

  /** The next call goes to another endpoint. */
  rotate(): void {
    this.#current = (this.#current + 1) % this.#clients.length;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  async #retry<T>(
    path: string,
    requestType: string,
    responseType: string,
    request: object,
    mayRetry: (error: ServiceError) => boolean,
    signal: AbortSignal,
  ): Promise<T> {
    const [encode, decode] = [codec(requestType), codec(responseType)];
    for (let left = ROUNDS_MAX * this.#clients.length; ;) {
      const index = this.#current;
      try {
        return await this.#call<T>(index, path, encode, decode, request, signal);
      } catch (error) {
        const failure = error as ServiceError;
        if (--left === 0 || signal.aborted || !mayRetry(failure))
          throw describe(failure, path, this.#options);
        if (this.#current === index) this.rotate();
        if (left % this.#clients.length === 0) await this.#options.clock.sleep(ROUND_DELAY_MS, signal);
      }
    }
  }

  #call<T>(
    index: number,
    path: string,
    request: Codec,
    response: Codec,
    message: object,
    signal: AbortSignal,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = this.#options.clock.now() + this.#options.timeoutMs;
      const call = this.#clients[index]!.makeUnaryRequest(
        path,
        request.encode,
        response.decode as (bytes: Buffer) => T,
        message,
        new Metadata(),
        { deadline },
        (error, value) => {
          signal.removeEventListener("abort", onAbort);
          if (error !== null) reject(error);
          else resolve(value!);
        },
      );
      const onAbort = (): void => call.cancel();
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) call.cancel();
    });
  }
}

export function isUnavailable(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE;
}

/** grpc-js says so when no connection could be made, or the stream was refused before it began. */
function wasNotSent(error: ServiceError): boolean {
  return isUnavailable(error) && /No connection established|ECONNREFUSED|no leader/.test(error.details);
}

function pem(text: string | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text);
}

function connect(endpoint: string, tls: EtcdTls | undefined): Client {
  const { protocol, host, hostname } = new URL(endpoint);
  if (protocol !== "http:" && protocol !== "https:")
    throw new TypeError(`etcd endpoint ${endpoint}: expected http:// or https://`);
  const address = hostname.replace(/^\[|\]$/g, "");
  const isAddress = protocol === "https:" && isIP(address) !== 0;
  // TLS knows no server names that are addresses, and grpc-js gives it one; the certificate is checked against the address.
  const verify: VerifyOptions = isAddress
    ? {
        checkServerIdentity: (_, certificate) => checkServerIdentity(address, certificate),
      }
    : {};
  const secrets =
    protocol === "https:"
      ? credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.cert), verify)
      : credentials.createInsecure();
  const client = new Client(host, secrets, {
    ...CHANNEL_OPTIONS,
    ...(isAddress && { "grpc.ssl_target_name_override": "etcd" }),
  });
  // Connects at once, so that a dead endpoint is known before the first call.
  if (client.getChannel().getConnectivityState(true) === connectivityState.SHUTDOWN)
    throw new Error(`etcd endpoint ${endpoint} cannot be used`);
  return client;
}

function describe(error: ServiceError, path: string, { endpoints }: EtcdClientOptions): Error {
  if (error.code === status.RESOURCE_EXHAUSTED && error.details.includes("space exceeded"))
    return new StorageFull(`etcd at ${endpoints.join(", ")}: ${error.details}`, { cause: error });
  if (isUnavailable(error) || error.code === status.DEADLINE_EXCEEDED)
    return Object.assign(new Error(`etcd at ${endpoints.join(", ")}: ${error.details}`, { cause: error }), {
      code: error.code,
    });
  error.message = `etcd ${path.slice(path.lastIndexOf("/") + 1)}: ${error.message}`;
  return error;
}
