/** The routes of discovery: aggregated documents for those who ask, the legacy ones for everybody else. @module */
import { StatusError } from "#apimachinery";
import type { Scheme } from "#api";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";
import type { Route } from "../http/route.ts";
import type { SchemeSource } from "../registry/served-kinds.ts";
import { valueRepresentation } from "../serialization/value-representation.ts";
import { acceptClauses } from "./accept.ts";
import { apiGroupDiscoveryList, type AggregatedVersion } from "./aggregated.ts";
import { digestOf, isNotModified, notModified } from "./entity-tag.ts";
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from "./legacy.ts";

const GROUP = "apidiscovery.k8s.io";
const KIND = "APIGroupDiscoveryList";

/** `serverAddress` is what clients outside are told; upstream's `serverAddressByClientCIDRs`. */
export function discoveryRoute(kinds: SchemeSource, serverAddress: () => string): Route {
  let of: Scheme | undefined;
  let answers: Answers = new Map();
  const current = (): Answers => {
    if (of !== kinds.scheme) {
      of = kinds.scheme;
      answers = answersOf(of, serverAddress);
    }
    return answers;
  };
  return {
    matches: (path) => path.startsWith("/api") && current().has(path),
    handle(request) {
      if (request.method !== "GET" && request.method !== "HEAD") {
        const why = "the server does not allow this method on the requested resource";
        throw new StatusError("MethodNotAllowed", why);
      }
      return current().get(request.path)!(request);
    },
  };
}

/** Paths of all discovery documents, for the index at `/`. */
export function discoveryPaths(scheme: Scheme): readonly string[] {
  const named = scheme.groups.filter((group) => group !== "");
  const versions = scheme.groups.flatMap((group) =>
    scheme.versionsOf(group).map((version) => versionPath(group, version)),
  );
  return ["/api", "/apis", ...named.map((group) => `/apis/${group}`), ...versions];
}

function versionPath(group: string, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

type Answers = ReadonlyMap<string, (request: ApiRequest) => Result>;

/** By path. Documents are made when they are first asked for. */
function answersOf(scheme: Scheme, serverAddress: () => string): Answers {
  const answers = new Map<string, (request: ApiRequest) => Result>();
  const add = (path: string, answer: (request: ApiRequest) => Result): void => {
    answers.set(path, answer);
    answers.set(`${path}/`, answer);
  };
  const named = scheme.groups.filter((group) => group !== "");
  add(
    "/api",
    aggregating(scheme, [""], () => apiVersions(serverAddress())),
  );
  add(
    "/apis",
    aggregating(
      scheme,
      named,
      once(() => apiGroupList(scheme)),
    ),
  );
  for (const group of scheme.groups) {
    if (group !== "") add(`/apis/${group}`, legacy(once(() => apiGroup(scheme, group))));
    for (const version of scheme.versionsOf(group)) {
      add(versionPath(group, version), legacy(once(() => apiResourceList(scheme, group, version))));
    }
  }
  return answers;
}

function legacy(value: () => unknown): (request: ApiRequest) => Result {
  return (request) => {
    const made = value();
    const as = valueRepresentation(headerValue(request, "accept"), made);
    return { type: "value", status: 200, value: made, as };
  };
}

function aggregating(
  scheme: Scheme,
  groups: readonly string[],
  legacyValue: () => unknown,
): (request: ApiRequest) => Result {
  const documents = new Map<AggregatedVersion, Document>();
  const documentOf = (version: AggregatedVersion): Document => {
    const known = documents.get(version);
    if (known !== undefined) return known;
    const value = apiGroupDiscoveryList(scheme, groups, version);
    const made = { value, tag: digestOf(JSON.stringify(value)) };
    documents.set(version, made);
    return made;
  };
  const answerLegacy = legacy(legacyValue);
  return (request) => {
    const asked = askedVersion(headerValue(request, "accept"));
    if (asked === undefined) {
      const result = answerLegacy(request);
      return result.type === "value" ? { ...result, headers: { vary: "Accept" } } : result;
    }
    const { value, tag } = documentOf(asked.version);
    const headers = { etag: `"${tag}"`, vary: "Accept", "cache-control": "public" };
    if (isNotModified(request, tag)) return notModified(headers);
    const contentType = `application/${asked.format};g=${GROUP};v=${asked.version};as=${KIND}`;
    return valueResult(value, asked.format, contentType, headers);
  };
}

interface Document {
  readonly value: unknown;
  readonly tag: string;
}

interface Asked {
  readonly version: AggregatedVersion;
  readonly format: "json" | "yaml";
}

/** The aggregated version that the client prefers; undefined when it prefers, or only knows, the legacy form. */
function askedVersion(accept: string): Asked | undefined {
  for (const { type, parameters } of acceptClauses(accept)) {
    const format = type === "application/json" ? "json" : type === "application/yaml" ? "yaml" : undefined;
    if (format === undefined) {
      if (type === "*/*" || type === "application/*") return undefined;
      continue;
    }
    if (!parameters.has("as")) return undefined;
    const version = parameters.get("v");
    if (parameters.get("as") !== KIND || parameters.get("g") !== GROUP) continue;
    if (version === "v2" || version === "v2beta1") return { version, format };
  }
  return undefined;
}

function valueResult(
  value: unknown,
  format: "json" | "yaml",
  contentType: string,
  headers?: Readonly<Record<string, string>>,
): Result {
  const as = { contentType, format, pretty: false };
  return { type: "value", status: 200, value, as, ...(headers !== undefined && { headers }) };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
