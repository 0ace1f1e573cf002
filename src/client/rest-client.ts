/** `Client` over any transport: verbs become requests. @module */
import { apiVersionOf, type Kind, type KubeList, type KubeObject, type WatchEvent } from "#apimachinery";
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectRef,
  Patch,
  PatchOptions,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
import { collectionPath, objectPath } from "./paths.ts";
import type { Request, Transport } from "./transport.ts";

export interface ClientOptions {
  /** `component/version`, sent with every request. Default `k8ts`. */
  readonly userAgent?: string;
  /** Who owns the fields this client writes, unless a call says otherwise. Default: the user agent up to its slash. */
  readonly fieldManager?: string;
  /** Media types asked for, where not plain JSON: of single objects and watches, and of lists. */
  readonly accept?: { readonly object: string; readonly list: string };
}

const PATCH_TYPES = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

const JSON_TYPE = "application/json";

type Query = NonNullable<Request["query"]>;

export function newClient(transport: Transport, options: ClientOptions = {}): Client {
  return new RestClient(transport, options);
}

class RestClient implements Client {
  readonly transport: Transport;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #listAccept: string;
  readonly #fieldManager: string;

  constructor(transport: Transport, options: ClientOptions) {
    const userAgent = options.userAgent ?? "k8ts";
    this.transport = transport;
    this.#headers = { "user-agent": userAgent, accept: options.accept?.object ?? JSON_TYPE };
    this.#listAccept = options.accept?.list ?? JSON_TYPE;
    this.#fieldManager = options.fieldManager ?? userAgent.split("/", 1)[0]!;
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, signal: AbortSignal): Promise<T> {
    return (await this.#send("GET", objectPath(kind, ref), signal)) as T;
  }

  async list<T extends KubeObject>(
    kind: Kind<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<KubeList<T>> {
    const parts = { query: listQuery(options), headers: { accept: this.#listAccept } };
    const list = await this.#send("GET", collectionPath(kind, options.namespace), signal, parts);
    return withTypes(kind, list as KubeList<T>);
  }

  watch<T extends KubeObject>(
    kind: Kind<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>> {
    const { allowWatchBookmarks, sendInitialEvents, timeoutSeconds } = options;
    const query = {
      watch: true,
      ...listQuery(options),
      allowWatchBookmarks,
      sendInitialEvents,
      timeoutSeconds,
    };
    const path = collectionPath(kind, options.namespace);
    const request: Request = { method: "GET", path, query, headers: this.#headers };
    return this.transport.watch(request, signal) as AsyncIterable<WatchEvent<T>>;
  }

  async create<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    signal: AbortSignal,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = collectionPath(kind, namespaceOf(kind, object));
    return (await this.#send("POST", path, signal, { query: this.#write(options), body: object })) as T;
  }

  async update<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    signal: AbortSignal,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = objectPath(kind, object.metadata);
    return (await this.#send("PUT", path, signal, { query: this.#write(options), body: object })) as T;
  }

  async updateStatus<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    signal: AbortSignal,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = objectPath(kind, object.metadata, "status");
    return (await this.#send("PUT", path, signal, { query: this.#write(options), body: object })) as T;
  }

  async patch<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    patch: Patch,
    signal: AbortSignal,
    options: PatchOptions = {},
  ): Promise<T> {
    const query = { ...this.#write(options), ...(patch.type === "apply" && { force: patch.force }) };
    const headers = { "content-type": PATCH_TYPES[patch.type] };
    const path = objectPath(kind, ref, options.subresource);
    return (await this.#send("PATCH", path, signal, { query, headers, body: patch.body })) as T;
  }

  async delete<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    signal: AbortSignal,
    options: DeleteOptions = {},
  ): Promise<void> {
    await this.#send("DELETE", objectPath(kind, ref), signal, { body: deleteBody(options) });
  }

  async deleteCollection<T extends KubeObject>(
    kind: Kind<T>,
    list: ListOptions,
    signal: AbortSignal,
    options: DeleteOptions = {},
  ): Promise<void> {
    const path = collectionPath(kind, list.namespace);
    await this.#send("DELETE", path, signal, { query: listQuery(list), body: deleteBody(options) });
  }

  createSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const query = this.#write({});
    return this.#send("POST", objectPath(kind, ref, subresource), signal, { query, body });
  }

  getSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: string,
    signal: AbortSignal,
  ): Promise<unknown> {
    return this.#send("GET", objectPath(kind, ref, subresource), signal);
  }

  updateSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const query = this.#write({});
    return this.#send("PUT", objectPath(kind, ref, subresource), signal, { query, body });
  }

  #write({ dryRun, fieldManager, fieldValidation }: WriteOptions): Query {
    return { fieldManager: fieldManager ?? this.#fieldManager, fieldValidation, dryRun };
  }

  async #send(
    method: Request["method"],
    path: string,
    signal: AbortSignal,
    parts: Pick<Request, "query" | "headers" | "body"> = {},
  ): Promise<unknown> {
    const contentType = parts.body === undefined ? {} : { "content-type": JSON_TYPE };
    const headers = { ...this.#headers, ...contentType, ...parts.headers };
    return (await this.transport.request({ method, path, ...parts, headers }, signal)).body;
  }
}

function listQuery(options: ListOptions): Query {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options;
  return {
    labelSelector,
    fieldSelector,
    limit,
    continue: options.continue,
    resourceVersion,
    resourceVersionMatch,
  };
}

/** The body wins over query parameters, and is the only place for preconditions. */
function deleteBody({ dryRun, ...options }: DeleteOptions): unknown {
  return {
    apiVersion: "v1",
    kind: "DeleteOptions",
    ...options,
    ...(dryRun !== undefined && { dryRun: [dryRun] }),
  };
}

function namespaceOf<T extends KubeObject>(kind: Kind<T>, object: T): string | undefined {
  if (kind.scope === "Cluster") return undefined;
  const { namespace } = object.metadata;
  if (namespace === undefined || namespace === "")
    throw new RangeError(`Creating a ${kind.kind} needs metadata.namespace`);
  return namespace;
}

/** Kubernetes leaves `apiVersion` and `kind` out of the items of typed lists; readers should not have to know. */
function withTypes<T extends KubeObject>(kind: Kind<T>, list: KubeList<T>): KubeList<T> {
  const items: readonly T[] = list.items ?? [];
  if (items === list.items && items.every((item) => item.kind !== undefined)) return list;
  const apiVersion = apiVersionOf(kind);
  return { ...list, items: items.map((item) => ({ ...item, apiVersion, kind: kind.kind })) };
}
