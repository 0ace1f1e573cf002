/** The kinds of dynamic resource allocation as objects of the API. */
import assert from "node:assert/strict";
import { DeviceClasses } from "#api/resource/v1/deviceclass";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceClaimTemplates } from "#api/resource/v1/resourceclaimtemplate";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import { isInvalid } from "#apimachinery";
import { checkOperations, checkStatusOperations } from "../api-machinery/api-operations.ts";
import { conformance } from "../harness/index.ts";

const API = "[sig-node] [DRA] CRUD Tests resource.k8s.io/v1";
const DRIVER = "gpu.example.com";
const CLAIM_SPEC = { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: DRIVER } }] } };

conformance(`${API} DeviceClass`, { containers: true }, async (t) => {
  const selectors = [{ cel: { expression: `device.driver == "${DRIVER}"` } }];
  await checkOperations(t, { kind: DeviceClasses, body: { spec: { selectors } } });
  const broken = [{ cel: { expression: "device.driver ==" } }];
  const metadata = { name: t.unique };
  await assert.rejects(
    t.client.create(
      DeviceClasses,
      { apiVersion: "resource.k8s.io/v1", kind: "DeviceClass", metadata, spec: { selectors: broken } },
      t.signal,
    ),
    isInvalid,
  );
});

conformance(`${API} ResourceClaim`, { containers: true }, async (t) => {
  const { client, signal, namespace } = t;
  await checkOperations(t, { kind: ResourceClaims, body: { spec: CLAIM_SPEC } });
  const metadata = { name: "claim", namespace };
  const claim: ResourceClaim = {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata,
    spec: CLAIM_SPEC,
  };
  const made = await client.create(ResourceClaims, claim, signal);
  const { exactly } = made.spec.devices!.requests![0]!;
  assert.deepEqual([exactly?.allocationMode, exactly?.count], ["ExactCount", 1], "defaults");
  const changed = { type: "merge", body: { spec: { devices: { requests: [] } } } } as const;
  await assert.rejects(client.patch(ResourceClaims, metadata, changed, signal), isInvalid);
  const device = { driver: DRIVER, pool: "node-1", device: "gpu-0" };
  const withMark = (object: ResourceClaim, mark: string): ResourceClaim => ({
    ...object,
    status: {
      allocation: { devices: { results: [{ request: "gpu", ...device }] } },
      devices: [{ ...device, data: { mark } }],
    },
  });
  await checkStatusOperations(t, ResourceClaims, "claim", withMark, ({ status }) =>
    String(status?.devices?.[0]?.data?.["mark"]),
  );
  const allocated = await client.get(ResourceClaims, metadata, signal);
  assert.equal(allocated.status?.allocation?.devices?.results?.[0]?.device, "gpu-0");
  assert.deepEqual(allocated.spec, made.spec, "a status is written without the spec");
});

conformance(`${API} ResourceClaimTemplate`, { containers: true }, async (t) => {
  const { client, signal, namespace } = t;
  const spec = { metadata: { labels: { from: "template" } }, spec: CLAIM_SPEC };
  await checkOperations(t, { kind: ResourceClaimTemplates, body: { spec } });
  const metadata = { name: "template", namespace };
  await client.create(
    ResourceClaimTemplates,
    { apiVersion: "resource.k8s.io/v1", kind: "ResourceClaimTemplate", metadata, spec },
    signal,
  );
  const body = { spec: { metadata: { labels: { from: "another" } } } };
  await assert.rejects(
    client.patch(ResourceClaimTemplates, metadata, { type: "merge", body }, signal),
    isInvalid,
  );
});

conformance(`${API} ResourceSlice`, { containers: true }, async (t) => {
  const { client, signal, unique } = t;
  const pool = { name: unique, generation: 1, resourceSliceCount: 3 };
  const devices = [{ name: "gpu-0", attributes: { model: { string: "a1" } } }];
  const spec = { driver: DRIVER, pool, allNodes: true, devices };
  await checkOperations(t, { kind: ResourceSlices, body: { spec } });
  const name = `${unique}-own`;
  t.cleanup((undoing) => client.delete(ResourceSlices, { name }, undoing));
  const made = await client.create(
    ResourceSlices,
    { apiVersion: "resource.k8s.io/v1", kind: "ResourceSlice", metadata: { name }, spec },
    signal,
  );
  const more = [...devices, { name: "gpu-1" }];
  const updated = await client.update(ResourceSlices, { ...made, spec: { ...spec, devices: more } }, signal);
  assert.deepEqual(
    updated.spec.devices?.map((device) => device.name),
    ["gpu-0", "gpu-1"],
  );
  assert.equal(updated.metadata.generation, 2);
  const moved = { ...updated, spec: { ...updated.spec, driver: "other.example.com" } };
  await assert.rejects(client.update(ResourceSlices, moved, signal), isInvalid);
});
