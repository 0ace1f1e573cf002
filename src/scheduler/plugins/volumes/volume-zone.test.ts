import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, Volume } from "#api/core/v1/types.gen";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { podInfo } from "../../cache/pod-info.ts";
import { filterBy, testCluster, testPod } from "../../fixture.ts";
import type { ClusterEvent } from "../../framework/cluster-event.ts";
import type { VolumeListers } from "./pod-claims.ts";
import { volumeZone } from "./volume-zone.ts";

const ZONE = "topology.kubernetes.io/zone";
const REGION = "topology.kubernetes.io/region";
const BETA_ZONE = "failure-domain.beta.kubernetes.io/zone";
const BETA_REGION = "failure-domain.beta.kubernetes.io/region";
const CONFLICT = "UnschedulableAndUnresolvable: node(s) had no available volume zone";
const refusal = (reason: string): string => `UnschedulableAndUnresolvable: ${reason}`;

type Labels = Readonly<Record<string, string>>;

/** The volume of claim `x` is `x`, too. */
const volumes: Readonly<Record<string, Labels>> = {
  betaZone: { [BETA_ZONE]: "a" },
  betaRegion: { [BETA_REGION]: "r", useless: "none" },
  zone: { [ZONE]: "a" },
  region: { [REGION]: "r", useless: "none" },
  both: { [ZONE]: "a", [REGION]: "r" },
  several: { [ZONE]: "a__ b" },
  broken: { [ZONE]: "a__" },
  empty: { [ZONE]: "" },
  plain: {},
};
const unbound: Readonly<Record<string, string>> = {
  immediate: "immediate",
  waiting: "waiting",
  lost: "lost",
  none: "",
};
const modes: Readonly<Record<string, string>> = { immediate: "Immediate", waiting: "WaitForFirstConsumer" };

function volume(name: string, labels: Labels | undefined): PersistentVolume | undefined {
  return labels && ({ metadata: { name, labels } } as unknown as PersistentVolume);
}

function claim(name: string): PersistentVolumeClaim | undefined {
  const storageClassName = unbound[name];
  const spec = name in volumes || name === "dangling" ? { volumeName: name } : { storageClassName };
  if ("storageClassName" in spec && storageClassName === undefined) return undefined;
  return { metadata: { name }, spec } as unknown as PersistentVolumeClaim;
}

const listers = {
  claims: { get: (key: string) => claim(key.slice("default/".length)) },
  volumes: { get: (name: string) => volume(name, volumes[name]) },
  classes: {
    get: (name: string) =>
      modes[name] === undefined ? undefined : ({ volumeBindingMode: modes[name] } as StorageClass),
  },
} as unknown as VolumeListers;
const plugin = volumeZone(listers);

function using(...names: readonly (string | Partial<Volume>)[]) {
  const all = names.map((name, i) => ({
    name: `v${i}`,
    ...(typeof name === "string" ? { persistentVolumeClaim: { claimName: name } } : name),
  }));
  return podInfo(testPod("p", { spec: { volumes: all } }));
}

/** Upstream's cases: volumes, labels of the node, what is said. */
const cases: readonly (readonly [string, readonly (string | Partial<Volume>)[], Labels, string])[] = [
  ["takes a pod without volumes", [], { [ZONE]: "b" }, "fits"],
  ["takes a node without labels: its cluster has one zone", ["zone"], {}, "fits"],
  ["takes the beta zone", ["betaZone"], { [BETA_ZONE]: "a", useless: "none" }, "fits"],
  ["takes the beta region", ["betaRegion"], { [BETA_REGION]: "r" }, "fits"],
  ["refuses another beta region", ["betaRegion"], { [BETA_REGION]: "s" }, CONFLICT],
  ["refuses another beta zone", ["betaZone"], { [BETA_ZONE]: "b" }, CONFLICT],
  ["takes the zone", ["zone"], { [ZONE]: "a" }, "fits"],
  ["takes the region", ["region"], { [REGION]: "r" }, "fits"],
  ["refuses another region", ["region"], { [REGION]: "s" }, CONFLICT],
  ["refuses another zone", ["zone"], { [ZONE]: "b" }, CONFLICT],
  ["refuses a node that has only one of two labels", ["both"], { [ZONE]: "a" }, CONFLICT],
  ["refuses a beta label for a stable one", ["zone"], { [BETA_ZONE]: "a" }, CONFLICT],
  ["takes a stable label for a beta one", ["betaZone"], { [ZONE]: "a" }, "fits"],
  ["refuses another stable label for a beta one", ["betaZone"], { [ZONE]: "b" }, CONFLICT],
  ["takes one of several zones", ["several"], { [ZONE]: "b" }, "fits"],
  ["refuses a zone that is none of several", ["several"], { [ZONE]: "c" }, CONFLICT],
  ["passes over a list of zones with an empty one", ["broken"], { [ZONE]: "c" }, "fits"],
  ["passes over an empty zone", ["empty"], { [ZONE]: "c" }, "fits"],
  ["asks every volume", ["plain", "zone", "betaRegion"], { [ZONE]: "a", [REGION]: "s" }, CONFLICT],
  ["has nothing to say of a claim that waits for its first pod", ["waiting"], { [ZONE]: "a" }, "fits"],
  ["has nothing to say of ephemeral volumes", [{ ephemeral: {} }], { [ZONE]: "a" }, "fits"],
  ["needs the volume of a claim", ["dangling"], {}, refusal('persistentvolume "dangling" not found')],
  ["needs the claim", ["absent"], {}, refusal('persistentvolumeclaim "absent" not found')],
  [
    "needs a volume where the class binds at once",
    ["immediate"],
    {},
    refusal("PersistentVolume had no name"),
  ],
  ["needs the class", ["lost"], {}, refusal('storageclass.storage.k8s.io "lost" not found')],
  [
    "needs a volume or a class",
    ["none"],
    {},
    refusal("PersistentVolumeClaim had no pv name and storageClass name"),
  ],
];

describe("VolumeZone", () => {
  for (const [name, names, labels, want] of cases)
    test(name, () => {
      const cluster = testCluster({ n: { labels } });
      assert.deepEqual(filterBy(plugin, using(...names), cluster), { n: want });
    });
});

const volumeEvent = (old: Labels | undefined, now: Labels): ClusterEvent => ({
  resource: "PersistentVolume",
  action: old === undefined ? "add" : "update",
  object: { old: volume("v", old), new: volume("v", now) },
});
const classEvent = (volumeBindingMode: string): ClusterEvent => ({
  resource: "StorageClass",
  action: "add",
  object: { old: undefined, new: { volumeBindingMode } as unknown as StorageClass },
});
const claimEvent = (key: string): ClusterEvent => ({
  resource: "PersistentVolumeClaim",
  action: "add",
  key,
});

describe("VolumeZone hints that", () => {
  const events: readonly (readonly [string, ClusterEvent, boolean])[] = [
    ["a volume comes", volumeEvent(undefined, {}), true],
    ["the zone of a volume changes", volumeEvent({ [ZONE]: "a" }, { [ZONE]: "b" }), true],
    ["no other label of a volume changes", volumeEvent({ [ZONE]: "a" }, { [ZONE]: "a", x: "" }), false],
    ["a class that waits comes", classEvent("WaitForFirstConsumer"), true],
    ["no class that binds at once comes", classEvent("Immediate"), false],
    ["its claim comes", claimEvent("default/zone"), true],
    ["no other claim comes", claimEvent("default/other"), false],
    ["no claim of another namespace comes", claimEvent("other/zone"), false],
    ["a node comes", { resource: "Node", action: "add" }, true],
  ];
  for (const [name, event, want] of events)
    test(name, () => assert.equal(plugin.queueingHint!(event, using("zone")), want));
});
