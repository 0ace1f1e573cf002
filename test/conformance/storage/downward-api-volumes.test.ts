/** What a pod is told about itself by files: its name, labels, annotations and resources; by itself and projected. */
import assert from "node:assert/strict";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Container, DownwardAPIVolumeFile, Volume } from "#api/core/v1/types.gen";
import { parseQuantity, quantityValue } from "#apimachinery";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { found, look, read, shellUntil, startLook, statOf } from "./volume-pods.ts";

interface Downward {
  readonly title: string;
  readonly volume: (items: readonly DownwardAPIVolumeFile[], defaultMode?: number) => Volume;
}

const DOWNWARD: readonly Downward[] = [
  {
    title: "Downward API volume",
    volume: (items, mode) => ({
      name: "info",
      downwardAPI: { items, ...(mode !== undefined && { defaultMode: mode }) },
    }),
  },
  {
    title: "Projected downwardAPI",
    volume: (items, mode) => ({
      name: "info",
      projected: {
        sources: [{ downwardAPI: { items } }],
        ...(mode !== undefined && { defaultMode: mode }),
      },
    }),
  },
];

const NODE = "[NodeConformance]";
const LINUX = "[LinuxOnly] [NodeConformance]";
const NAME: DownwardAPIVolumeFile = { path: "podname", fieldRef: { fieldPath: "metadata.name" } };
const RESOURCES: Partial<Container> = {
  resources: { limits: { cpu: "1250m", memory: "64Mi" }, requests: { cpu: "250m", memory: "32M" } },
};

/** By each divisor; upstream rounds up. */
const AMOUNTS: readonly (readonly [
  title: string,
  resource: string,
  byDivisor: Readonly<Record<string, string>>,
])[] = [
  ["cpu limit", "limits.cpu", { "": "2", "1": "2", "1m": "1250" }],
  ["cpu request", "requests.cpu", { "": "1", "1": "1", "1m": "250" }],
  ["memory limit", "limits.memory", { "": "67108864", "1Ki": "65536", "1Mi": "64", "1Gi": "1" }],
  ["memory request", "requests.memory", { "": "32000000", "1k": "32000", "1Mi": "31" }],
];

for (const { title, volume } of DOWNWARD) {
  const official = (rest: string): string => `[sig-storage] ${title} should ${rest}`;

  conformance(official(`provide podname only ${NODE}`), { containers: true }, async (t) => {
    assert.equal(
      await look(t, "named", { volumes: [volume([NAME])], script: "ls /info; cat /info/podname" }),
      "podname\nnamed",
    );
  });

  conformance(official(`set DefaultMode on files ${LINUX}`), { containers: true }, async (t) => {
    const other = { ...NAME, path: "deep/er" };
    const script = `${statOf("/info/podname")}; ${statOf("/info/deep/er")}`;
    const shown = await look(t, "p", { volumes: [volume([NAME, other], 0o400)], script });
    assert.equal(shown, "400 0 0\n400 0 0\n");
  });

  conformance(official(`set mode on item file ${LINUX}`), { containers: true }, async (t) => {
    const script = `${statOf("/info/podname")}; ${statOf("/info/other")}`;
    const items = [
      { ...NAME, mode: 0o400 },
      { ...NAME, path: "other" },
    ];
    assert.equal(await look(t, "p", { volumes: [volume(items)], script }), "400 0 0\n644 0 0\n");
  });

  for (const [amount, resource, byDivisor] of AMOUNTS)
    conformance(official(`provide container's ${amount} ${NODE}`), { containers: true }, async (t) => {
      const items = Object.keys(byDivisor).map((divisor) => resourceFile(resource, divisor));
      const script = items.map(({ path }) => `cat /info/${path}; echo`).join("\n");
      const shown = await look(t, "p", { volumes: [volume(items)], container: RESOURCES, script });
      assert.deepEqual(shown.trim().split("\n"), Object.values(byDivisor));
    });

  for (const resource of ["cpu", "memory"] as const)
    conformance(
      official(
        `provide node allocatable (${resource}) as default ${resource} limit if the limit is not set ${NODE}`,
      ),
      { containers: true },
      async (t) => {
        const items = [resourceFile(`limits.${resource}`, "")];
        const script = `cat /info/${items[0]!.path}`;
        const shown = await look(t, "p", { volumes: [volume(items)], script });
        assert.equal(Number(shown), await allocatable(t, "p", resource));
      },
    );

  for (const field of ["labels", "annotations"] as const)
    conformance(official(`update ${field} on modification ${NODE}`), { containers: true }, async (t) => {
      const items: readonly DownwardAPIVolumeFile[] = [
        { path: "all", fieldRef: { fieldPath: `metadata.${field}` } },
        { path: "one", fieldRef: { fieldPath: `metadata.${field}['two']` } },
      ];
      await startLook(t, "p", {
        volumes: [volume(items)],
        metadata: { [field]: { two: "2", one: "first" } },
        script: `${shellUntil('[ "$(cat /info/one)" = changed ]')}; cat /info/all`,
      });
      const before = await read(t, "p", "/info/all");
      assert.deepEqual(linesOf(before).filter(isOurs), ['one="first"', 'two="2"']);
      assert.deepEqual(linesOf(before), linesOf(before).toSorted(), "in the order of their keys");
      const body = { metadata: { [field]: { one: null, two: "changed", three: "3" } } };
      await t.client.patch(Pods, { namespace: t.namespace, name: "p" }, { type: "merge", body }, t.signal);
      assert.deepEqual(linesOf(await found(t, "p")).filter(isOurs), ['three="3"', 'two="changed"']);
    });
}

function resourceFile(resource: string, divisor: string): DownwardAPIVolumeFile {
  return {
    path: `by-${divisor === "" ? "default" : divisor}`,
    resourceFieldRef: { containerName: "main", resource, ...(divisor !== "" && { divisor }) },
  };
}

async function allocatable(t: ContainersContext, pod: string, resource: "cpu" | "memory"): Promise<number> {
  const { spec } = await t.client.get(Pods, { namespace: t.namespace, name: pod }, t.signal);
  const node = await t.client.get(Nodes, { name: spec!.nodeName! }, t.signal);
  return quantityValue(parseQuantity(node.status!.allocatable![resource]!));
}

function linesOf(text: string): readonly string[] {
  return text.trim().split("\n");
}

/** kubelet notes where a pod's configuration came from among its annotations. */
function isOurs(line: string): boolean {
  return !line.includes("kubernetes.io/");
}
