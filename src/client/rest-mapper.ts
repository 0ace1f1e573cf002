/** From what people and manifests write (`deploy`, `pods.v1`, a Kind) to the resource that serves it. @module */
import { systemClock, type Clock, type Kind } from "#apimachinery";
import { discover, type DiscoveredGroup } from "./discovery.ts";
import type { Unstructured } from "./dynamic.ts";
import type { Transport } from "./transport.ts";

export interface RestMapper {
  /** The resource of a Kind; without `version`, in the preferred one. undefined: the server does not serve it. */
  kindFor(
    gk: { readonly group: string; readonly kind: string; readonly version?: string },
    signal: AbortSignal,
  ): Promise<Kind<Unstructured> | undefined>;
  /** By plural, singular or short name, alone or with group (`deployments.apps`) or version and group (`deployments.v1.apps`). */
  resourceFor(name: string, signal: AbortSignal): Promise<Kind<Unstructured> | undefined>;
  /** Every kind in its preferred version, in the server's order. */
  preferredKinds(signal: AbortSignal): Promise<readonly Kind<Unstructured>[]>;
  /** Forgets what was discovered. */
  reset(): void;
}

/** A miss asks the server again, since the kind may be new; not more often than this. */
const REDISCOVER_MIN_MS = 1_000;

export function newRestMapper(transport: Transport, clock: Clock = systemClock): RestMapper {
  let cached: { readonly groups: readonly DiscoveredGroup[]; readonly atMs: number } | undefined;
  const load = async (signal: AbortSignal): Promise<readonly DiscoveredGroup[]> => {
    const { groups } = await discover(transport, signal);
    cached = { groups, atMs: clock.monotonicMs() };
    return groups;
  };
  const find = async <R>(
    search: (groups: readonly DiscoveredGroup[]) => R | undefined,
    signal: AbortSignal,
  ): Promise<R | undefined> => {
    const before = cached;
    const found = search(before?.groups ?? (await load(signal)));
    if (found !== undefined || before === undefined) return found;
    if (clock.monotonicMs() - before.atMs < REDISCOVER_MIN_MS) return undefined;
    return search(await load(signal));
  };
  return {
    kindFor: (gk, signal) => find((groups) => kindIn(groups, gk), signal),
    resourceFor: (name, signal) => find((groups) => resourceIn(groups, name), signal),
    async preferredKinds(signal) {
      return preferred(cached?.groups ?? (await load(signal)));
    },
    reset: () => (cached = undefined),
  };
}

function kindIn(
  groups: readonly DiscoveredGroup[],
  { group, kind, version }: { readonly group: string; readonly kind: string; readonly version?: string },
): Kind<Unstructured> | undefined {
  const versions = groups.find(({ name }) => name === group)?.versions ?? [];
  return versions
    .filter((candidate) => version === undefined || candidate.version === version)
    .flatMap(({ kinds }) => kinds)
    .find((candidate) => candidate.kind === kind);
}

/** A dot may stand before a group or before a version: `widgets.example.com`, `deployments.v1.apps`. */
function resourceIn(groups: readonly DiscoveredGroup[], name: string): Kind<Unstructured> | undefined {
  const [resource, ...rest] = name.toLowerCase().split(".") as [string, ...string[]];
  const all = groups.flatMap(({ versions }) => versions.flatMap(({ kinds }) => kinds));
  const [version, ...groupParts] = rest;
  const inGroup =
    rest.length === 0
      ? all
      : all.filter((kind) => kind.group === rest.join(".") || kind.group.startsWith(`${rest.join(".")}.`));
  const inVersion = all.filter((kind) => kind.version === version && kind.group === groupParts.join("."));
  return named(inGroup, resource) ?? named(inVersion, resource);
}

/** Full names win over short ones, wherever they stand. */
function named(kinds: readonly Kind<Unstructured>[], name: string): Kind<Unstructured> | undefined {
  return (
    kinds.find(({ names }) => names.plural === name) ??
    kinds.find(({ names }) => names.singular === name) ??
    kinds.find(({ names }) => names.short?.includes(name) === true)
  );
}

function preferred(groups: readonly DiscoveredGroup[]): readonly Kind<Unstructured>[] {
  return groups.flatMap(({ versions }) => {
    const seen = new Set<string>();
    const kinds = versions.flatMap((version) => version.kinds);
    return kinds.filter(({ names }) => !seen.has(names.plural) && seen.add(names.plural));
  });
}
