/**
 * Kinds of beta and alpha group-versions. They are known, with the facts of their fields, and served only where they are
 * switched on; what they are called comes from the published paths.
 * @module
 */
import type { Kind } from "#apimachinery";
import { LeaseCandidates } from "./coordination/v1beta1/leasecandidate.ts";
import { groupVersions, resourcesOf, type ResourceFacts } from "./facts.ts";
import { graduatedKinds } from "./graduated-kinds.ts";
import { nameAndAge } from "./printing/columns.ts";

export interface UnservedKind extends Kind {
  readonly servedByDefault: false;
}

const ALL_VERBS = 8;
/** Those that have rules of their own. */
const WRITTEN = [...graduatedKinds, LeaseCandidates] as unknown as readonly UnservedKind[];
const UNSTABLE = /(?:alpha|beta)\d+$/;

export function betaKinds(): readonly UnservedKind[] {
  return groupVersions()
    .filter(({ version }) => UNSTABLE.test(version))
    .flatMap(({ group, version }) =>
      resourcesOf(group, version).map((resource) => writtenKind(resource) ?? unservedKind(resource)),
    );
}

function writtenKind({ group, version, kind }: ResourceFacts): UnservedKind | undefined {
  return WRITTEN.find((own) => own.group === group && own.version === version && own.kind === kind);
}

function unservedKind(resource: ResourceFacts): UnservedKind {
  return {
    group: resource.group,
    version: resource.version,
    kind: resource.kind,
    names: { plural: resource.plural, singular: resource.kind.toLowerCase() },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    subresources: resource.subresources.map((subresource) => subresource.name),
    ...(resource.verbs.length < ALL_VERBS && { verbs: resource.verbs }),
    // Kinds whose names carry their meaning (ClusterTrustBundle `signer:name`, addresses) need the widest rule.
    nameRule: "path-segment",
    servedByDefault: false,
    columns: nameAndAge,
  };
}
