import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, type Kind, type KubeObject } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import type { Attributes } from "../plugin.ts";
import { resourceQuotaAdmission } from "./resource-quota.ts";

const KINDS: Readonly<Record<string, unknown>> = {
  "core/pods": Pods,
  "core/configmaps": ConfigMaps,
  "resource.k8s.io/resourceclaims": ResourceClaims,
};

function ends(activeDeadlineSeconds?: number): KubeObject {
  const spec = { containers: [], ...(activeDeadlineSeconds !== undefined && { activeDeadlineSeconds }) };
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec } as KubeObject;
}

const plain = ends();

/** Resource, operation, subresource, object and what it was; `want`: its usage is asked for. */
const cases: readonly (readonly [string, string, string, KubeObject, KubeObject | undefined, boolean])[] = [
  ["core/pods", "CREATE", "", plain, undefined, true],
  ["core/pods", "UPDATE", "", plain, plain, false],
  ["core/pods", "UPDATE", "", ends(5), plain, true],
  ["core/pods", "UPDATE", "resize", plain, plain, true],
  ["core/pods", "UPDATE", "status", ends(5), plain, false],
  ["resource.k8s.io/resourceclaims", "UPDATE", "", plain, plain, true],
  ["resource.k8s.io/resourceclaims", "UPDATE", "status", plain, plain, false],
  ["core/configmaps", "UPDATE", "", plain, plain, false],
];

for (const [resource, operation, subresource, object, oldObject, want] of cases) {
  const what = [operation, resource, subresource].filter(Boolean).join(" ");
  test(`resourceQuotaAdmission() ${want ? "counts" : "lets pass"} ${what} of ${JSON.stringify(object)}`, () => {
    let isAsked = false;
    const access = {
      list: () => {
        isAsked = true;
        return [];
      },
      getLive: async () => undefined,
      updateStatus: async () => assert.fail("nothing is to be written"),
    };
    const kind = KINDS[resource] as Kind;
    const attributes = { namespace: "n", resource, subresource, operation, object, oldObject, kind };
    void resourceQuotaAdmission(access, new FakeClock()).validate?.(attributes as unknown as Attributes);
    assert.equal(isAsked, want);
  });
}
