/** The groups and versions that discovery shows, the server's own and those of others, in the order of their priorities. Pure. @module */
import type { Scheme } from "#api";
import { byVersionPriority, localPriority, type Priority } from "../aggregation/priorities.ts";
import { isCustomKind } from "../registry/custom-kind.ts";

/** A group-version that an APIService says another server has. */
export interface RemoteVersion {
  readonly group: string;
  readonly version: string;
  readonly priority: Priority;
  /** As `APIResourceDiscovery`; absent: they could not be had. */
  readonly resources?: readonly object[];
  readonly freshness: "Current" | "Stale";
}

export interface GroupVersions {
  readonly name: string;
  /** The preferred one first. */
  readonly versions: readonly { readonly version: string; readonly remote?: RemoteVersion }[];
}

interface Entry {
  readonly version: string;
  readonly priority: Priority;
  readonly remote?: RemoteVersion;
}

/** Others win over the server's own: that is what an APIService with a service says. */
export function groupsOf(scheme: Scheme, remotes: readonly RemoteVersion[] = []): readonly GroupVersions[] {
  const custom = new Set(
    scheme.kinds.filter(isCustomKind).map(({ group, version }) => `${group}/${version}`),
  );
  const groups = new Map<string, Map<string, Entry>>();
  const add = (group: string, entry: Entry): void => {
    const versions = groups.get(group) ?? new Map<string, Entry>();
    groups.set(group, versions.set(entry.version, entry));
  };
  for (const group of scheme.groups) {
    for (const version of scheme.versionsOf(group)) {
      const priority = localPriority(group, version, custom.has(`${group}/${version}`));
      add(group, { version, priority });
    }
  }
  for (const remote of remotes) {
    const { group, version, priority } = remote;
    add(group, { version, priority, remote });
  }
  return [...groups]
    .map(([name, versions]) => {
      const sorted = [...versions.values()].toSorted(byVersionPriority);
      const priority = Math.max(...sorted.map((entry) => entry.priority.group));
      return { name, versions: sorted, priority };
    })
    .toSorted((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
}
