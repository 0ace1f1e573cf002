/** `/openapi/v3`, its documents, and `/openapi/v2`. @module */
import type { Clock } from "#apimachinery";
import { acceptClauses } from "../discovery/accept.ts";
import { digestOf, isNotModified, notModified } from "../discovery/entity-tag.ts";
import { headerValue, queryValue, type ApiRequest, type Result } from "../handlers/request.ts";
import type { Route } from "../http/route.ts";
import type { SchemeSource } from "../registry/served-kinds.ts";
import { Library } from "./library.ts";
import { unpackDocument, type PackedDocument } from "./packed-document.ts";
import type { ProseSource } from "./prose.ts";
import { NO_REMOTES, type RemoteOpenApi } from "./remote.ts";

interface OpenApiOptions {
  readonly kinds: SchemeSource;
  readonly clock: Clock;
  /** Called once, for the first request. Absent, or without a result: types are shown without descriptions. */
  readonly findProse?: () => ProseSource | undefined;
  /** The group-versions of other API servers. */
  readonly remotes?: RemoteOpenApi;
}

const V3 = "/openapi/v3";
const V2 = "/openapi/v2";
const JSON_TYPE = "application/json";
const V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const V3_PROTOBUF = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
const V3_PROTOBUF_DEPRECATED = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf";
/** What clients before `.v1.0` ask for, and most still do. */
const V2_PROTOBUF_DEPRECATED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/** A document named by its hash never changes. */
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const NOT_ACCEPTABLE: Result = { type: "bytes", status: 406, contentType: "", body: "" };
const NOT_FOUND: Result = {
  type: "bytes",
  status: 404,
  contentType: "text/plain; charset=utf-8",
  body: "404 page not found\n",
};

export function openApiRoute(options: OpenApiOptions): Route {
  const { remotes = NO_REMOTES } = options;
  let library: Library | undefined;
  let generation = 0;
  let prose: ProseSource | undefined;
  return {
    matches: (path) => path === V2 || path === V3 || path.startsWith(`${V3}/`),
    handle: (request) => {
      const { scheme } = options.kinds;
      if (library === undefined) prose = options.findProse?.();
      if (library?.scheme !== scheme || generation !== remotes.generation()) {
        generation = remotes.generation();
        library = new Library(scheme, prose, library, remotes.v2());
      }
      if (request.path === V2) return version2(request, library);
      const name = request.path.slice(V3.length + 1).replace(/\/$/, "");
      if (name === "") return index(request, library, remotes);
      if (remotes.replaces(name)) return remotes.proxy(request, name);
      return version3(request, library, name, options.clock);
    },
  };
}

function index(request: ApiRequest, library: Library, remotes: RemoteOpenApi): Result {
  const own = [...library.names()].filter((name) => !remotes.replaces(name));
  const urls = [...own.map((name) => [name, urlOf(library, name)] as const), ...remotes.v3()];
  const tag = digestOf(...urls.map(([, url]) => url));
  const headers = { etag: `"${tag}"` };
  if (isNotModified(request, tag)) return notModified(headers);
  const paths = Object.fromEntries(urls.map(([name, serverRelativeURL]) => [name, { serverRelativeURL }]));
  const as = { contentType: JSON_TYPE, format: "json", pretty: false } as const;
  return { type: "value", status: 200, value: { paths }, as, headers };
}

function urlOf(library: Library, name: string): string {
  return `${V3}/${name}?hash=${library.hashOf(name)}`;
}

async function version3(request: ApiRequest, library: Library, name: string, clock: Clock): Promise<Result> {
  if (!library.has(name)) return NOT_FOUND;
  const type = accepted(request, [JSON_TYPE, V3_PROTOBUF, V3_PROTOBUF_DEPRECATED]);
  if (type === undefined) return NOT_ACCEPTABLE;
  const hash = library.hashOf(name);
  const asked = queryValue(request, "hash");
  if (asked !== "" && asked !== hash) {
    return {
      type: "bytes",
      status: 301,
      contentType: "",
      body: "",
      headers: { location: urlOf(library, name) },
    };
  }
  const expires = new Date(clock.now() + YEAR_MS).toUTCString();
  const headers = {
    ...headersOf(hash),
    ...(asked !== "" && { "cache-control": "public, immutable", expires }),
  };
  if (isNotModified(request, hash)) return notModified(headers);
  return type === JSON_TYPE
    ? document(request, await library.v3(name), JSON_TYPE, headers)
    : document(request, await library.v3Protobuf(name), V3_PROTOBUF, headers);
}

async function version2(request: ApiRequest, library: Library): Promise<Result> {
  const type = accepted(request, [JSON_TYPE, V2_PROTOBUF, V2_PROTOBUF_DEPRECATED]);
  if (type === undefined) return NOT_ACCEPTABLE;
  const hash = library.hashOf("v2");
  const headers = headersOf(hash);
  if (isNotModified(request, hash)) return notModified(headers);
  return type === JSON_TYPE
    ? document(request, await library.v2(), JSON_TYPE, headers)
    : document(request, await library.v2Protobuf(), V2_PROTOBUF, headers);
}

function headersOf(hash: string): Readonly<Record<string, string>> {
  return { etag: `"${hash}"`, vary: "Accept, Accept-Encoding" };
}

/** The best of `types` for the client. */
function accepted(request: ApiRequest, types: readonly string[]): string | undefined {
  for (const { type } of acceptClauses(headerValue(request, "accept"))) {
    if (type === "*/*" || type === "application/*") return types[0];
    if (types.includes(type)) return type;
  }
  return undefined;
}

async function document(
  request: ApiRequest,
  packed: PackedDocument,
  contentType: string,
  headers: Readonly<Record<string, string>>,
): Promise<Result> {
  if (!/\bgzip\b/.test(headerValue(request, "accept-encoding"))) {
    return { type: "bytes", status: 200, contentType, body: await unpackDocument(packed), headers };
  }
  const encoded = { ...headers, "content-encoding": "gzip" };
  return { type: "bytes", status: 200, contentType, body: packed.gzip, headers: encoded };
}
