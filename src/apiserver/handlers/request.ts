/** A request and its answer, free of any transport: HTTP and the in-process transport both speak through these. @module */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { KubeObject, StructSchema } from "#apimachinery";
import type { RequestRecorder } from "../audit/annotations.ts";
import type { Credentials, UserInfo } from "../user-info.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import type { Watcher } from "../watchcache/watcher.ts";
import type { Format } from "./negotiate.ts";

/** What the sender gave as body: bytes in some media type, or (in process) a JSON value that is shared and not to be changed. */
export type RequestBody =
  | { readonly type: "bytes"; readonly bytes: Uint8Array; readonly contentType: string }
  | { readonly type: "value"; readonly value: unknown; readonly contentType: string };

/** A connection to be taken over (exec, attach, port-forward): what `http.Server`'s "upgrade" event gives. */
export interface UpgradeConnection {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

export interface ApiRequest {
  /** Upper case. */
  readonly method: string;
  /** Absolute, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly user: UserInfo;
  readonly credentials?: Credentials;
  /** Aborts when the client goes away or the server closes. */
  readonly signal: AbortSignal;
  readonly upgrade?: UpgradeConnection;
  /** Reads the whole body; rejects with RequestEntityTooLarge beyond the limit. */
  body(): Promise<RequestBody>;
  /** Adds a `Warning` header to the answer. */
  warn(message: string): void;
  /** Absent when nobody audits the request. */
  readonly audit?: RequestRecorder;
  /** Adds time that is spent waiting for others, webhooks above all: it is none of the server's own. */
  waited?(ms: number): void;
}

/** A page of stored objects and its list metadata. */
export interface ObjectList {
  readonly apiVersion: string;
  /** `PodList`. */
  readonly kind: string;
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
  readonly items: readonly CachedObject[];
}

/** How stored objects are shown: as they are, as rows of a Table, or as their metadata alone. */
export interface Representation {
  readonly contentType: string;
  /** Absent: the stored bytes themselves. */
  readonly transform?: (object: KubeObject) => unknown;
  /** Wraps transformed items; absent: an ordinary list. */
  readonly list?: (metadata: ListMetadata) => ListFrame;
  /** Of the items of a list; absent: as they are. */
  readonly order?: (a: KubeObject, b: KubeObject) => number;
  readonly format: Format;
  /** Of the format `protobuf`: what the objects (transformed, if there is a transformation) are encoded as. */
  readonly protobuf?: ProtobufForm;
  readonly pretty: boolean;
}

export interface ProtobufForm {
  readonly apiVersion: string;
  readonly kind: string;
  readonly schema: StructSchema;
}

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** The JSON around the items: `head` + items joined by commas + `tail`. `none` replaces transformed items that are absent. */
export interface ListFrame {
  readonly head: string;
  readonly tail: string;
}

export type Result =
  /** One stored object, in the bytes it is stored in. */
  | {
      readonly type: "object";
      readonly status: number;
      readonly object: CachedObject;
      readonly as: Representation;
    }
  /** A value made for this answer (Status, discovery, TokenRequest, …). */
  | {
      readonly type: "value";
      readonly status: number;
      readonly value: unknown;
      readonly as?: Representation;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly type: "list"; readonly list: ObjectList; readonly as: Representation }
  | {
      readonly type: "watch";
      readonly watcher: Watcher;
      readonly as: Representation;
      /** Of bookmarks. */
      readonly kind: { readonly apiVersion: string; readonly kind: string };
      readonly timeoutMs: number;
    }
  /** Bytes of some other media type: metrics, health, OpenAPI. */
  | {
      readonly type: "bytes";
      readonly status: number;
      readonly contentType: string;
      readonly body: Uint8Array | string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Bytes as they come: logs, proxies. */
  | {
      readonly type: "stream";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: AsyncIterable<Uint8Array>;
    }
  /** The connection was taken over; nothing is left to answer. */
  | { readonly type: "upgraded" };

/** The first value of a query parameter. */
export function queryValue(request: Pick<ApiRequest, "query">, name: string): string {
  return request.query.get(name) ?? "";
}

export function headerValue(request: Pick<ApiRequest, "headers">, name: string): string {
  const value = request.headers[name];
  return typeof value === "string" ? value : (value?.join(", ") ?? "");
}
