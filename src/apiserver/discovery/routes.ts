/** The routes of discovery: aggregated documents for those who ask, the legacy ones for everybody else. @module */
import { StatusError } from "#apimachinery";
import type { Scheme } from "#api";
import { groupVersionPath } from "#client";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";
import type { Route } from "../http/route.ts";
import { once } from "../once.ts";
import type { SchemeSource } from "../registry/served-kinds.ts";
import { valueRepresentation } from "../serialization/value-representation.ts";
import { acceptClauses } from "./accept.ts";
import { apiGroupDiscoveryList, type AggregatedVersion } from "./aggregated.ts";
import { digestOf, isNotModified, notModified } from "./entity-tag.ts";
import { groupsOf, type GroupVersions, type RemoteVersion } from "./groups.ts";
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from "./legacy.ts";

const GROUP = "apidiscovery.k8s.io";
const KIND = "APIGroupDiscoveryList";

/** The group-versions of other API servers. */
export interface RemoteDiscoverySource {
  /** Another number when `versions` would tell something else. */
  readonly generation: () => number;
  readonly versions: () => readonly RemoteVersion[];
}

const NO_REMOTES: RemoteDiscoverySource = { generation: () => 0, versions: () => [] };

/** `serverAddress` is what clients outside are told; upstream's `serverAddressByClientCIDRs`. */
export function discoveryRoute(
  kinds: SchemeSource,
  serverAddress: () => string,
  remotes: RemoteDiscoverySource = NO_REMOTES,
): Route {
  let of: { readonly scheme: Scheme; readonly generation: number } | undefined;
  let answers: Answers = new Map();
  const current = (): Answers => {
    const { scheme } = kinds;
    const generation = remotes.generation();
    if (of?.scheme !== scheme || of.generation !== generation) {
      of = { scheme, generation };
      answers = answersOf(scheme, groupsOf(scheme, remotes.versions()), serverAddress);
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
export function discoveryPaths(
  scheme: Scheme,
  remotes: RemoteDiscoverySource = NO_REMOTES,
): readonly string[] {
  const groups = groupsOf(scheme, remotes.versions());
  const named = groups.filter(({ name }) => name !== "");
  const versions = groups.flatMap(({ name, versions: own }) =>
    own.map(({ version }) => groupVersionPath({ group: name, version })),
  );
  return ["/api", "/apis", ...named.map(({ name }) => `/apis/${name}`), ...versions];
}

type Answers = ReadonlyMap<string, (request: ApiRequest) => Result>;

/** By path. Documents are made when they are first asked for. */
function answersOf(scheme: Scheme, groups: readonly GroupVersions[], serverAddress: () => string): Answers {
  const answers = new Map<string, (request: ApiRequest) => Result>();
  const add = (path: string, answer: (request: ApiRequest) => Result): void => {
    answers.set(path, answer);
    answers.set(`${path}/`, answer);
  };
  const named = groups.filter(({ name }) => name !== "");
  const core = groups.filter(({ name }) => name === "");
  add(
    "/api",
    aggregating(scheme, core, () => apiVersions(serverAddress())),
  );
  add(
    "/apis",
    aggregating(
      scheme,
      named,
      once(() => apiGroupList(named)),
    ),
  );
  for (const group of groups) {
    const { name, versions } = group;
    if (name !== "") add(`/apis/${name}`, legacy(once(() => apiGroup(group))));
    for (const { version, remote } of versions) {
      // What others serve they describe themselves.
      if (remote !== undefined) continue;
      add(
        groupVersionPath({ group: name, version }),
        legacy(once(() => apiResourceList(scheme, name, version))),
      );
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
  groups: readonly GroupVersions[],
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
