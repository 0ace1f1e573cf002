/** Group by group discovery: what `/apis` promises, `/apis/<group>` and `/apis/<group>/<version>` keep. */
import assert from "node:assert/strict";
import { conformance, newCustomKind, type ConformanceContext } from "../harness/index.ts";

interface GroupVersion {
  readonly groupVersion: string;
  readonly version: string;
}

interface ApiGroup {
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly versions: readonly GroupVersion[];
  readonly preferredVersion: GroupVersion;
}

interface ApiResourceList {
  readonly kind: string;
  readonly groupVersion: string;
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly verbs: readonly string[];
  }[];
}

async function getJson<T>(t: ConformanceContext, path: string): Promise<T> {
  const answer = await t.http({ path, headers: { accept: "application/json" } });
  assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  return answer.json() as T;
}

async function groups(t: ConformanceContext): Promise<readonly ApiGroup[]> {
  const list = await getJson<{ readonly kind: string; readonly groups: readonly ApiGroup[] }>(t, "/apis");
  assert.equal(list.kind, "APIGroupList");
  assert.ok(list.groups.length > 0);
  return list.groups;
}

/** Groups that other tests define come and go. */
function isLasting({ name }: ApiGroup): boolean {
  return !name.endsWith(".example.com");
}

conformance("[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup", async (t) => {
  const { crd } = await newCustomKind(t);
  const listed = await groups(t);
  assert.ok(listed.some(({ name }) => name === crd.spec.group));
  for (const group of listed.filter((one) => isLasting(one) || one.name === crd.spec.group)) {
    const { name, preferredVersion, versions } = group;
    const own = await getJson<ApiGroup>(t, `/apis/${name}`);
    assert.equal(own.kind, "APIGroup");
    assert.equal(own.apiVersion, "v1");
    assert.equal(own.name, name);
    assert.deepEqual([own.versions, own.preferredVersion], [versions, preferredVersion]);
    for (const { groupVersion, version } of versions) assert.equal(groupVersion, `${name}/${version}`);
    assert.ok(
      versions.some((version) => version.groupVersion === preferredVersion.groupVersion),
      `${name} prefers ${preferredVersion.groupVersion}, which it does not have`,
    );
  }
});

/** Group-version and one resource that every conformant cluster has. */
const EXPECTED: readonly (readonly [string, string])[] = [
  ["admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"],
  ["apiextensions.k8s.io/v1", "customresourcedefinitions"],
  ["apiregistration.k8s.io/v1", "apiservices"],
  ["apps/v1", "deployments"],
  ["authentication.k8s.io/v1", "tokenreviews"],
  ["authorization.k8s.io/v1", "selfsubjectaccessreviews"],
  ["autoscaling/v1", "horizontalpodautoscalers"],
  ["autoscaling/v2", "horizontalpodautoscalers"],
  ["batch/v1", "jobs"],
  ["certificates.k8s.io/v1", "certificatesigningrequests"],
  ["coordination.k8s.io/v1", "leases"],
  ["discovery.k8s.io/v1", "endpointslices"],
  ["events.k8s.io/v1", "events"],
  ["networking.k8s.io/v1", "ingresses"],
  ["node.k8s.io/v1", "runtimeclasses"],
  ["policy/v1", "poddisruptionbudgets"],
  ["rbac.authorization.k8s.io/v1", "roles"],
  ["scheduling.k8s.io/v1", "priorityclasses"],
  ["storage.k8s.io/v1", "storageclasses"],
];

conformance(
  "[sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup",
  async (t) => {
    const listed = (await groups(t)).filter(isLasting);
    const found = new Map<string, readonly string[]>();
    for (const { groupVersion } of listed.flatMap(({ versions }) => versions)) {
      const list = await getJson<ApiResourceList>(t, `/apis/${groupVersion}`);
      assert.equal(list.kind, "APIResourceList");
      assert.equal(list.groupVersion, groupVersion);
      assert.ok(list.resources.length > 0, `${groupVersion} has no resource`);
      for (const { name, kind, verbs } of list.resources)
        assert.ok(kind !== "" && verbs.length > 0, `${groupVersion} ${name} has no kind or no verb`);
      found.set(
        groupVersion,
        list.resources.map(({ name }) => name),
      );
    }
    for (const [groupVersion, resource] of EXPECTED)
      assert.ok(
        found.get(groupVersion)?.includes(resource),
        `${groupVersion} ${resource} is not to be found`,
      );
    const core = await getJson<ApiResourceList>(t, "/api/v1");
    for (const resource of ["pods", "pods/log", "services", "namespaces", "namespaces/finalize"])
      assert.ok(
        core.resources.some(({ name }) => name === resource),
        `v1 ${resource} is not to be found`,
      );
  },
);
