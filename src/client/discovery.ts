/** What a server serves: its groups, versions and kinds. @module */
import { StatusError, type Kind, type Verb } from "#apimachinery";
import { dynamicKind, type Unstructured } from "./dynamic.ts";
import { groupVersionPath } from "./paths.ts";
import type { Transport } from "./transport.ts";

export interface DiscoveredVersion {
  readonly version: string;
  readonly kinds: readonly Kind<Unstructured>[];
}

export interface DiscoveredGroup {
  /** "" is the core group. */
  readonly name: string;
  /** The preferred version first. */
  readonly versions: readonly DiscoveredVersion[];
}

export interface Discovery {
  /** In the server's order of preference. */
  readonly groups: readonly DiscoveredGroup[];
  /** `group/version` whose kinds could not be had (an aggregated API that is down), with the reason. */
  readonly failures: ReadonlyMap<string, unknown>;
}

/** `/version`. */
export interface ServerVersion {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
}

const AGGREGATED =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
  "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/** Asks in two requests where the server can aggregate, and group by group where it cannot. Throws only when the server answers neither. */
export async function discover(transport: Transport, signal: AbortSignal): Promise<Discovery> {
  const headers = { accept: AGGREGATED };
  const [core, groups] = await Promise.all(
    ["/api", "/apis"].map(
      async (path) => (await transport.request({ method: "GET", path, headers }, signal)).body,
    ),
  );
  const failures = new Map<string, unknown>();
  const parts = [
    isAggregated(core)
      ? fromAggregated(core, failures)
      : await fromVersions(transport, core, failures, signal),
    isAggregated(groups)
      ? fromAggregated(groups, failures)
      : await fromGroups(transport, groups, failures, signal),
  ];
  return { groups: parts.flat(), failures };
}

export async function serverVersion(transport: Transport, signal: AbortSignal): Promise<ServerVersion> {
  const { body } = await transport.request({ method: "GET", path: "/version" }, signal);
  return body as ServerVersion;
}

interface AggregatedList {
  readonly kind: "APIGroupDiscoveryList";
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly AggregatedVersion[];
  }[];
}

interface AggregatedVersion {
  readonly version: string;
  readonly freshness?: "Current" | "Stale";
  readonly resources?: readonly {
    readonly resource: string;
    readonly responseKind?: { readonly group?: string; readonly version?: string; readonly kind: string };
    readonly scope: "Namespaced" | "Cluster";
    readonly singularResource?: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
    readonly verbs?: readonly Verb[];
    readonly subresources?: readonly { readonly subresource: string }[];
  }[];
}

function isAggregated(body: unknown): body is AggregatedList {
  return (body as { kind?: unknown }).kind === "APIGroupDiscoveryList";
}

function fromAggregated(list: AggregatedList, failures: Map<string, unknown>): DiscoveredGroup[] {
  return (list.items ?? []).map(({ metadata, versions = [] }) => {
    const name = metadata?.name ?? "";
    for (const { version, freshness } of versions) {
      if (freshness !== "Stale") continue;
      failures.set(
        `${name}/${version}`,
        new StatusError("ServiceUnavailable", "stale GroupVersion discovery"),
      );
    }
    return { name, versions: versions.map((version) => aggregatedVersion(name, version)) };
  });
}

function aggregatedVersion(group: string, { version, resources = [] }: AggregatedVersion): DiscoveredVersion {
  const served = resources.filter((resource) => resource.responseKind !== undefined);
  const kinds = served.map((resource) =>
    dynamicKind({
      group,
      version,
      kind: resource.responseKind!.kind,
      plural: resource.resource,
      namespaced: resource.scope === "Namespaced",
      ...(resource.singularResource !== undefined && { singular: resource.singularResource }),
      ...(resource.shortNames !== undefined && { shortNames: resource.shortNames }),
      ...(resource.categories !== undefined && { categories: resource.categories }),
      ...(resource.verbs !== undefined && { verbs: resource.verbs }),
      subresources: (resource.subresources ?? []).map(({ subresource }) => subresource),
    }),
  );
  return { version, kinds };
}

async function fromVersions(
  transport: Transport,
  body: unknown,
  failures: Map<string, unknown>,
  signal: AbortSignal,
): Promise<DiscoveredGroup[]> {
  const { versions = [] } = body as { versions?: readonly string[] };
  const found = await resourceLists(transport, "", versions, failures, signal);
  return found.length === 0 ? [] : [{ name: "", versions: found }];
}

async function fromGroups(
  transport: Transport,
  body: unknown,
  failures: Map<string, unknown>,
  signal: AbortSignal,
): Promise<DiscoveredGroup[]> {
  interface Group {
    readonly name: string;
    readonly versions?: readonly { readonly version: string }[];
    readonly preferredVersion?: { readonly version: string };
  }
  const { groups = [] } = body as { groups?: readonly Group[] };
  return Promise.all(
    groups.map(async ({ name, versions = [], preferredVersion }) => {
      const names = versions.map(({ version }) => version);
      const preferred = names.filter((version) => version === preferredVersion?.version);
      const others = names.filter((version) => version !== preferredVersion?.version);
      const ordered = [...preferred, ...others];
      return { name, versions: await resourceLists(transport, name, ordered, failures, signal) };
    }),
  );
}

async function resourceLists(
  transport: Transport,
  group: string,
  versions: readonly string[],
  failures: Map<string, unknown>,
  signal: AbortSignal,
): Promise<DiscoveredVersion[]> {
  const lists = await Promise.all(
    versions.map(async (version) => {
      try {
        const path = groupVersionPath({ group, version });
        const { body } = await transport.request({ method: "GET", path }, signal);
        return { version, kinds: kindsOf(group, version, body) };
      } catch (err) {
        signal.throwIfAborted();
        failures.set(group === "" ? version : `${group}/${version}`, err);
        return undefined;
      }
    }),
  );
  return lists.filter((list) => list !== undefined);
}

interface ApiResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs?: readonly Verb[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

function kindsOf(group: string, version: string, body: unknown): Kind<Unstructured>[] {
  const { resources = [] } = body as { resources?: readonly ApiResource[] };
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map(({ name, singularName, namespaced, kind, verbs, shortNames, categories }) =>
      dynamicKind({
        group,
        version,
        kind,
        plural: name,
        namespaced,
        ...(singularName !== undefined && { singular: singularName }),
        ...(shortNames !== undefined && { shortNames }),
        ...(categories !== undefined && { categories }),
        ...(verbs !== undefined && { verbs }),
        subresources: resources
          .filter((other) => other.name.startsWith(`${name}/`))
          .map((other) => other.name.slice(name.length + 1)),
      }),
    );
}
