/** The connections to the API servers behind APIServices: HTTPS by the name of their Service, with the certificate of a front proxy. @module */
import { Agent, request as requestHttps } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Clock } from "#apimachinery";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { urlHost } from "#api/validation/ip-range";
import { readBody } from "#component-base";
import { networkError } from "../admission/webhook/call.ts";
import type { Address, ServiceResolver } from "../admission/webhook/target.ts";
import type { UpgradeBackend } from "../streaming/index.ts";
import type { UserInfo } from "../user-info.ts";
import { serviceOf, type ServiceTarget } from "./api-service.ts";
import { identityHeaders, type Headers } from "./identity-headers.ts";

/** Connections that wait for the next request, to each endpoint. */
const IDLE_MAX = 16;
/** Of a discovery or OpenAPI document. */
const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024;

export const NO_CREDENTIALS =
  "this API server was given no front-proxy client certificate, by which it would prove itself to others";

export interface BackendsOptions {
  readonly proxyClient: { readonly cert: string; readonly key: string } | undefined;
  readonly resolve: ServiceResolver;
  readonly clock: Clock;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
}

/** Where one request goes. */
export interface BackendTarget {
  readonly address: Address;
  readonly tls: NonNullable<UpgradeBackend["tls"]>;
}

export interface BackendRequest {
  readonly method: string;
  /** Escaped, with its query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body?: Uint8Array;
}

export interface Document {
  readonly status: number;
  readonly contentType: string;
  readonly etag: string;
  readonly body: Buffer;
}

/** The reason is text for people, as upstream gives it. */
export class UnreachableError extends Error {}

export class Backends {
  readonly #options: BackendsOptions;
  readonly #agent: Agent;

  constructor(options: BackendsOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_MAX });
    options.signal.addEventListener("abort", () => this.#agent.destroy(), { once: true });
  }

  get hasCredentials(): boolean {
    return this.#options.proxyClient !== undefined;
  }

  /** Throws when nobody is behind the Service, or this server has nothing to prove itself with. */
  target(apiService: APIService): BackendTarget {
    const { proxyClient, resolve } = this.#options;
    if (proxyClient === undefined) throw new UnreachableError(NO_CREDENTIALS);
    const service = serviceOf(apiService)!;
    const address = resolve(service.namespace, service.name, service.port);
    return { address, tls: { ...proxyClient, ...trustOf(apiService, service) } };
  }

  /** The head of the answer. Rejects with an UnreachableError, or with the signal's reason. */
  async send(target: BackendTarget, request: BackendRequest, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.#sendOnce(target, request, signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (!isStaleConnection(cause) || request.method !== "GET") throw this.#unreachable(cause, target);
    }
    try {
      return await this.#sendOnce(target, request, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw this.#unreachable(cause, target);
    }
  }

  /** A short document as `user`; asked for once more within `timeoutMs`, never followed elsewhere. */
  async fetch(
    target: BackendTarget,
    path: string,
    { user, headers = {}, timeoutMs }: FetchOptions,
    signal: AbortSignal,
  ): Promise<Document> {
    const deadline = new AbortController();
    const timer = this.#options.clock.after(timeoutMs, () =>
      deadline.abort(new UnreachableError("request timed out")),
    );
    const stop = AbortSignal.any([signal, deadline.signal]);
    try {
      const request = { method: "GET", path, headers: { ...headers, ...identityHeaders(user) } };
      const response = await this.send(target, request, stop);
      const body = await readDocument(response, stop);
      const { etag = "", "content-type": contentType = "" } = response.headers;
      return { status: response.statusCode ?? 0, contentType, etag, body };
    } finally {
      timer.cancel();
    }
  }

  #sendOnce(
    { address, tls }: BackendTarget,
    { method, path, headers, body }: BackendRequest,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const hasBody = body !== undefined || !["GET", "HEAD", "OPTIONS"].includes(method);
    const request = requestHttps({
      ...tls,
      host: address.host,
      port: address.port,
      path,
      method,
      headers: {
        ...headers,
        host: `${urlHost(address.host)}:${address.port}`,
        ...(hasBody && { "content-length": body?.length ?? 0 }),
      },
      agent: this.#agent,
      signal,
    });
    request.once("response", resolve);
    request.once("error", (cause) =>
      reject(request.reusedSocket ? new StaleConnection("the connection was closed", { cause }) : cause),
    );
    request.end(body);
    return promise;
  }

  #unreachable(cause: unknown, { address, tls }: BackendTarget): UnreachableError {
    const origin = cause instanceof StaleConnection ? cause.cause : cause;
    const url = new URL(`https://${tls.servername ?? urlHost(address.host)}`);
    return new UnreachableError(networkError(origin, { url, address }), { cause });
  }
}

interface FetchOptions {
  readonly user: UserInfo;
  readonly headers?: Headers;
  readonly timeoutMs: number;
}

/** The other side had closed a connection that waited; it did not see the request. */
class StaleConnection extends Error {}

function isStaleConnection(cause: unknown): boolean {
  return cause instanceof StaleConnection;
}

/** The certificate is that of the Service, whatever the address. */
function trustOf(
  { spec }: APIService,
  { name, namespace }: ServiceTarget,
): Pick<BackendTarget["tls"], "ca" | "servername" | "rejectUnauthorized"> {
  const { caBundle = "", insecureSkipTLSVerify = false } = spec ?? {};
  return {
    servername: `${name}.${namespace}.svc`,
    ...(insecureSkipTLSVerify && { rejectUnauthorized: false }),
    ...(caBundle !== "" && { ca: Buffer.from(caBundle, "base64").toString() }),
  };
}

async function readDocument(response: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readBody(
      response,
      DOCUMENT_BYTES_MAX,
      () => new UnreachableError(`the document is larger than ${DOCUMENT_BYTES_MAX} bytes`),
    );
  } catch (cause) {
    signal.throwIfAborted();
    throw cause;
  }
}
