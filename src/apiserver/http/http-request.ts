/** A request that came over HTTP, as the handlers see it. @module */
import { unescape } from "node:querystring";
import { StatusError } from "#apimachinery";
import {
  headerValue,
  type ApiRequest,
  type RequestBody,
  type UpgradeConnection,
} from "../handlers/request.ts";
import type { RequestRecorder } from "../audit/annotations.ts";
import type { Credentials, UserInfo } from "../user-info.ts";
import type { Exchange } from "./exchange.ts";

/** RFC 7234: what may not stand in a quoted string. */
const UNQUOTABLE = /[\\"]/g;
const NOT_IN_HEADERS = /[^\t\x20-\x7e\x80-\xff]/g;
const WARNINGS_MAX = 50;
const WARNING_LENGTH_MAX = 256;

/** One error for all: a stack tells nothing here and costs more than the rest of a request. */
const CLIENT_GONE = new StatusError("Timeout", "the client went away");
const REQUEST_EXPIRED = new StatusError("Timeout", "the request is over its time");

export class HttpRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ApiRequest["headers"];
  readonly user: UserInfo;
  readonly credentials: Credentials;
  readonly upgrade?: UpgradeConnection;
  readonly audit?: RequestRecorder;
  /** As far as it was read. */
  bodyBytes = 0;
  /** Spent on webhooks and the like. */
  waitedMs = 0;
  readonly #exchange: Exchange;
  readonly #bodyBytesMax: number;
  readonly #warnings: string[] = [];
  /** Most requests end before anybody asks for a signal: it is made when somebody does. */
  #aborter: AbortController | undefined;
  #isExpired = false;

  constructor(
    exchange: Exchange,
    target: RequestTarget,
    user: UserInfo,
    bodyBytesMax: number,
    upgrade?: UpgradeConnection,
    audit?: RequestRecorder,
  ) {
    this.#exchange = exchange;
    this.method = exchange.method;
    this.path = target.path;
    this.query = target.query;
    this.headers = exchange.headers;
    this.credentials = exchange.credentials;
    this.user = user;
    this.#bodyBytesMax = bodyBytesMax;
    if (upgrade !== undefined) this.upgrade = upgrade;
    if (audit !== undefined) this.audit = audit;
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      const aborter = (this.#aborter = new AbortController());
      this.#exchange.onGone(() => aborter.abort(CLIENT_GONE));
      if (this.#isExpired) aborter.abort(REQUEST_EXPIRED);
    }
    return this.#aborter.signal;
  }

  /** What the `Warning` header says, in order, each once. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** The request is over its time: whoever still works for it should stop. */
  expire(): void {
    this.#isExpired = true;
    this.#aborter?.abort(REQUEST_EXPIRED);
  }

  async body(): Promise<RequestBody> {
    const bytes = await this.#exchange.readBody(this.#bodyBytesMax);
    if (bytes === undefined) {
      throw new StatusError(
        "RequestEntityTooLarge",
        `Request entity too large: limit is ${this.#bodyBytesMax}`,
      );
    }
    this.bodyBytes = bytes.length;
    return { type: "bytes", bytes, contentType: headerValue(this, "content-type") };
  }

  waited(ms: number): void {
    this.waitedMs += ms;
  }

  warn(message: string): void {
    const text = message
      .slice(0, WARNING_LENGTH_MAX)
      .replaceAll(NOT_IN_HEADERS, " ")
      .replaceAll(UNQUOTABLE, "\\$&");
    const header = `299 - "${text}"`;
    if (this.#warnings.length < WARNINGS_MAX && !this.#warnings.includes(header)) this.#warnings.push(header);
  }
}

export interface RequestTarget {
  /** Decoded, as Go's `URL.Path`: also an escaped slash is a slash. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const NO_QUERY = new URLSearchParams();

/** Scheme and authority, which a client may write out as it would for a proxy. */
const ABSOLUTE_FORM = /^https?:\/\/[^/?]*/i;
const MALFORMED_ESCAPE = /%(?![0-9a-f]{2})/i;

/** Nothing is cleaned (`//`, `..`) and nothing redirected: such paths name nothing, as upstream. */
export function parseTarget(target: string): RequestTarget {
  const relative = target.startsWith("/") ? target : target.replace(ABSOLUTE_FORM, "");
  const question = relative.indexOf("?");
  if (question < 0) return { path: decodePath(relative), query: NO_QUERY };
  return {
    path: decodePath(relative.slice(0, question)),
    query: new URLSearchParams(relative.slice(question + 1)),
  };
}

/** True if the target has an escape that is none: nobody can say what it means. */
export function isMalformed(target: string): boolean {
  const question = target.indexOf("?");
  return MALFORMED_ESCAPE.test(question < 0 ? target : target.slice(0, question));
}

function decodePath(path: string): string {
  if (path === "") return "/";
  // Bytes that are no UTF-8 become replacement characters, which no name has.
  return path.includes("%") ? unescape(path) : path;
}
