/** VolumeZone: a volume with zone labels is used in its zone only. @module */
import type { PersistentVolume } from "#api/core/v1/types.gen";
import { claimRefs } from "../../cache/claim-refs.ts";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { Plugin } from "../../framework/plugin.ts";
import { unresolvable } from "../../framework/status.ts";
import type { VolumeListers } from "./pod-claims.ts";

const NAME = "VolumeZone";
const CONFLICT = unresolvable(NAME, "node(s) had no available volume zone");
/** Label -> what newer nodes call it. */
const LABELS: ReadonlyMap<string, string> = new Map([
  ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"],
  ["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"],
  ["topology.kubernetes.io/zone", "topology.kubernetes.io/zone"],
  ["topology.kubernetes.io/region", "topology.kubernetes.io/region"],
]);
/** Between the zones of a volume that is in several. */
const ZONES_SEPARATOR = "__";

interface Topology {
  readonly label: string;
  readonly values: readonly string[];
}

export function volumeZone({ claims, volumes }: VolumeListers): Plugin {
  return {
    name: NAME,
    preFilter(cycle, { pod }) {
      const topologies = claimRefs(pod).flatMap(({ key }) => {
        const volume = volumes.get(claims.get(key)?.spec?.volumeName ?? "");
        return volume === undefined ? [] : topologiesOf(volume);
      });
      if (topologies.length === 0) return { skip: true };
      cycle.set(NAME, topologies);
      return undefined;
    },
    filter(cycle, _pod, node) {
      const isAnywhere = LABELS.keys().every((label) => node.labels[label] === undefined);
      if (isAnywhere) return undefined; // clusters of one zone need not label their nodes
      const topologies = cycle.get(NAME) as readonly Topology[];
      return topologies.every((topology) => isIn(node, topology)) ? undefined : CONFLICT;
    },
    eventsToRegister: [
      { resource: "PersistentVolumeClaim", actions: ["add", "update"] },
      { resource: "PersistentVolume", actions: ["add", "update"] },
      { resource: "StorageClass", actions: ["add"] },
      { resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel"] },
    ],
    queueingHint: () => true,
  };
}

function topologiesOf({ metadata }: PersistentVolume): readonly Topology[] {
  return [...LABELS.keys()].flatMap((label) => {
    const value = metadata.labels?.[label];
    return value === undefined ? [] : [{ label, values: value.split(ZONES_SEPARATOR) }];
  });
}

function isIn({ labels }: NodeInfo, { label, values }: Topology): boolean {
  const value = labels[label] ?? labels[LABELS.get(label)!];
  return value !== undefined && values.includes(value);
}
