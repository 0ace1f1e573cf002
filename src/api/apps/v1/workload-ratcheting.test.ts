import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind, KubeObject } from "#apimachinery";
import { scheme } from "../../scheme.ts";
import { DaemonSets } from "./daemonset.ts";
import { Deployments } from "./deployment.ts";
import { ReplicaSets } from "./replicaset.ts";
import { StatefulSets } from "./statefulset.ts";

type Loose = Readonly<Record<string, unknown>>;

const labels = { app: "web" };
const pods: Loose = { containers: [{ name: "c", image: "i" }] };

function workload(kind: string, spec: Loose, podSpec: Loose = pods): never {
  const given = {
    apiVersion: "apps/v1",
    kind,
    metadata: { name: "w", namespace: "d" },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec }, ...spec },
  };
  return scheme.applyDefaults(given) as never;
}

const show = (
  causes: readonly { readonly field: string; readonly message: string }[] = [],
): readonly string[] => causes.map((c) => `${c.field}: ${c.message}`);

const kinds = [Deployments, ReplicaSets, DaemonSets, StatefulSets] as unknown as readonly Kind[];

for (const kind of kinds) {
  test(`${kind.names.plural}: templates keep what they got away with`, () => {
    const compared = { ...pods, tolerations: [{ key: "a", operator: "Gt", value: "1" }] };
    const object = workload(kind.kind, {}, compared);
    assert.equal(kind.validate!(object).length, 1);
    assert.deepEqual(show(kind.validate!(object, object)), []);
  });

  test(`${kind.names.plural}: a selector that is missing matches nothing`, () => {
    const object = workload(kind.kind, { selector: undefined });
    const lines = show(kind.validate!(object));
    assert.ok(
      lines.includes(
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
      ),
    );
    assert.equal(lines.includes("spec.selector: Required value"), kind.kind !== "DaemonSet");
  });

  test(`${kind.names.plural}: a new template is warned about, an old one is not`, () => {
    const object = workload(kind.kind, {}, { ...pods, terminationGracePeriodSeconds: -1 }) as KubeObject;
    const at = (generation: number): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, generation },
    });
    const warnings = kind.strategy!.warnings!;
    const expected = [
      "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
    ];
    assert.deepEqual(warnings(at(1), undefined, ""), expected);
    assert.deepEqual(warnings(at(1), at(1), ""), []);
    assert.deepEqual(warnings(at(2), at(1), "scale"), expected);
  });
}

test("StatefulSets.validate does not judge again what never changes", () => {
  const spec = { serviceName: "Not a label", volumeClaimTemplates: [{ metadata: { name: "v" } }] };
  const broken = workload("StatefulSet", spec, { ...pods, dnsPolicy: "Odd" });
  assert.deepEqual(
    StatefulSets.validate!(broken).map((c) => c.field),
    [
      "spec.volumeClaimTemplates[0].spec.accessModes",
      "spec.volumeClaimTemplates[0].spec.resources[storage]",
      "spec.serviceName",
      "spec.template.spec.dnsPolicy",
    ],
  );
  assert.deepEqual(show(StatefulSets.validate!(broken, broken)), []);
});

test("Deployments.strategy keeps labels from writers of the status", () => {
  const old = { ...(workload("Deployment", {}) as KubeObject), metadata: { name: "w", labels } } as never;
  const now = { ...(old as KubeObject), metadata: { name: "w", labels: { app: "other" } } } as never;
  assert.deepEqual(Deployments.strategy!.prepareForStatusUpdate!(now, old).metadata.labels, labels);
});
