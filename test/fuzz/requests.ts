/** Requests that a hostile or a broken client might send: any resource, verb, query, media type and body. @module */
import fc from "fast-check";
import { apiVersionOf } from "#apimachinery";
import { builtinKinds, groupVersions, lookup, resourcesOf, type ResourceFacts } from "#api";
import { below, hostile, NAMES, objectOf, oneIn, pick, TEXTS, type Draw } from "./objects.ts";

export interface FuzzRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

const METHODS = [
  "GET",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "POST",
  "PUT",
  "PATCH",
  "HEAD",
  "OPTIONS",
  "PROPFIND",
];
const ACCEPTS = [
  "application/json",
  "*/*",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json;as=Table;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/json;as=Nonsense;v=v9;g=x",
  "text/html",
  "application/json;q=0.1,application/yaml;q=0.9",
  ";;;",
];
const CONTENT_TYPES = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "text/plain",
  "application/json; charset=latin1",
  "",
  "application/cbor",
];
const PATCHES = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "application/apply-patch+cbor",
];
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  resourceVersion: ["0", "1", "-1", "abc", "99999999999999999999", ""],
  resourceVersionMatch: ["Exact", "NotOlderThan", "Nonsense"],
  limit: ["0", "1", "-1", "x", "9223372036854775807"],
  continue: ["abc", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8ifQ", "%00"],
  fieldSelector: ["metadata.name=a", "a==b==c", "metadata.name", "%00=1", "spec.nodeName!=x"],
  labelSelector: ["a=b", "a in (b,c)", "!(a", "a in (", "x".repeat(300), "a>1,b<0"],
  dryRun: ["All", "None", "all", ""],
  fieldManager: ["me", "x".repeat(200), "\u0001"],
  fieldValidation: ["Strict", "Warn", "Ignore", "Nonsense"],
  force: ["true", "maybe"],
  pretty: ["true", "1"],
  propagationPolicy: ["Orphan", "Background", "Sideways"],
  gracePeriodSeconds: ["0", "-5", "x", "99999999999"],
  orphanDependents: ["true", "x"],
  sendInitialEvents: ["true", "x"],
  allowWatchBookmarks: ["true"],
  timeoutSeconds: ["1", "-1", "x"],
  timeout: ["1s", "0s", "1y", "-1s"],
  __proto__: ["1"],
};

const SERVED: ReadonlySet<string> = new Set(builtinKinds.map((kind) => `${kind.group}/${kind.version}`));
const RESOURCES: readonly ResourceFacts[] = groupVersions()
  .filter(({ group, version }) => SERVED.has(`${group}/${version}`))
  .flatMap(({ group, version }) => resourcesOf(group, version));

/** What would make the server call somebody: never the business of this test. */
const CALLS_OUT: ReadonlySet<string> = new Set(["proxy", "exec", "attach", "portforward", "log"]);
/** Stored, these would judge the other requests. */
const DRY_ONLY = /webhookconfigurations$|admissionpolic|^apiservices$|^servicecidrs$/;

/** Shrinks towards plain ones. */
export function fuzzRequests(): fc.Arbitrary<FuzzRequest> {
  return fc.gen().map((g) => requestOf((arbitrary) => g(arbitrary)));
}

function requestOf(draw: Draw): FuzzRequest {
  const resource = pick(draw, RESOURCES);
  const method = pick(draw, METHODS);
  const headers: Record<string, string> = {
    accept: pick(draw, oneIn(draw, 3) ? ACCEPTS : ACCEPTS.slice(0, 1)),
  };
  const body = ["GET", "HEAD", "OPTIONS"].includes(method)
    ? undefined
    : bodyOf(draw, resource, method, headers);
  if (oneIn(draw, 60)) headers[pick(draw, ODD_HEADERS)] = pick(draw, ["x", "system:masters", "-1", "a, b"]);
  const query = queryOf(draw);
  const dry =
    DRY_ONLY.test(resource.plural) && method !== "GET" ? `${query === "" ? "?" : "&"}dryRun=All` : "";
  const path = pathOf(draw, resource, method) + query + dry;
  return { method, path, headers, ...(body !== undefined && { body }) };
}

const ODD_HEADERS = [
  "x-remote-user",
  "x-remote-group",
  "x-http-method-override",
  "content-encoding",
  "expect",
  "accept-encoding",
  "if-none-match",
  "impersonate-extra-x",
  "range",
];

function pathOf(
  draw: Draw,
  { group, version, plural, namespaced, subresources }: ResourceFacts,
  method: string,
): string {
  if (oneIn(draw, 30)) return `/${Array.from({ length: below(draw, 6) }, () => segment(draw)).join("/")}`;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope =
    namespaced && !oneIn(draw, 20) ? `/namespaces/${oneIn(draw, 12) ? segment(draw) : "default"}` : "";
  const hasName = method === "POST" ? oneIn(draw, 20) : !oneIn(draw, 8);
  const name = hasName ? `/${oneIn(draw, 4) ? segment(draw) : "kept"}` : "";
  const own = subresources.map((it) => it.name).filter((it) => !CALLS_OUT.has(it));
  const subresource =
    hasName && oneIn(draw, 5) ? `/${pick(draw, [...own, "status", "scale", "nothing"])}` : "";
  return `${root}${scope}/${plural}${name}${subresource}`;
}

function segment(draw: Draw): string {
  const text = pick(draw, oneIn(draw, 2) ? NAMES : TEXTS);
  if (oneIn(draw, 20)) return pick(draw, ["%", "%zz", "%00", "..", ".", "%2e%2e", "%2f", ";a=b", ""]);
  return encodeURIComponent(text.toWellFormed());
}

function queryOf(draw: Draw): string {
  if (!oneIn(draw, 3)) return "";
  const names = Object.keys(QUERIES);
  const pairs = Array.from({ length: 1 + below(draw, 3) }, () => {
    const name = pick(draw, names);
    return `${name}=${encodeURIComponent(pick(draw, QUERIES[name]!))}`;
  });
  return `?${pairs.join("&")}`;
}

function bodyOf(
  draw: Draw,
  resource: ResourceFacts,
  method: string,
  headers: Record<string, string>,
): Uint8Array {
  const types = method === "PATCH" ? PATCHES : CONTENT_TYPES;
  headers["content-type"] = pick(draw, oneIn(draw, 3) ? types : types.slice(0, method === "PATCH" ? 4 : 1));
  if (oneIn(draw, 25)) return draw(() => fc.uint8Array({ maxLength: 200 }));
  if (headers["content-type"] === "application/json-patch+json") return textOf(jsonPatch(draw));
  if (headers["content-type"].includes("protobuf"))
    return Buffer.concat([Buffer.from("k8s\0"), draw(() => fc.uint8Array({ maxLength: 300 }))]);
  const schema = lookup(resource);
  const object = schema === undefined ? hostile(draw) : named(draw, objectOf(draw, schema), resource, method);
  return damaged(draw, textOf(object));
}

/** Mostly an object that gets past the first checks. */
function named(
  draw: Draw,
  object: Record<string, unknown>,
  resource: ResourceFacts,
  method: string,
): unknown {
  if (oneIn(draw, 4)) return object;
  const metadata = {
    name: method === "POST" ? pick(draw, ["kept", `n${below(draw, 1_000_000)}`]) : "kept",
    labels: { app: "a" },
  };
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
}

function jsonPatch(draw: Draw): unknown {
  return Array.from({ length: below(draw, 4) }, () => ({
    op: pick(draw, ["add", "remove", "replace", "move", "copy", "test", "explode"]),
    path: pick(draw, [
      "/metadata/labels/a",
      "/spec",
      "",
      "/",
      "/metadata/name",
      "/__proto__/x",
      "/data/-",
      "/spec/containers/99",
      "/~2",
    ]),
    from: pick(draw, ["/metadata", "/spec", "/x", ""]),
    value: hostile(draw),
  }));
}

function textOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Cut, doubled, with bytes that are no UTF-8, with a key twice. */
function damaged(draw: Draw, bytes: Buffer): Uint8Array {
  if (!oneIn(draw, 12)) return bytes;
  switch (below(draw, 5)) {
    case 0:
      return bytes.subarray(0, below(draw, bytes.length + 1));
    case 1:
      return Buffer.concat([bytes, bytes]);
    case 2: {
      const broken = Buffer.from(bytes);
      broken[below(draw, bytes.length)] = 0xff;
      return broken;
    }
    case 3:
      return Buffer.from(`{"metadata":{"name":"a","name":"b"},${bytes.subarray(1).toString()}`);
    default:
      return Buffer.from("[".repeat(100_000));
  }
}
