/** Leases: every operation, and times to the microsecond. */
import assert from "node:assert/strict";
import { Leases } from "#api/coordination/v1/lease";
import type { Lease } from "#api/coordination/v1/types.gen";
import { isConflict } from "#apimachinery";
import { checkOperations } from "../api-machinery/api-operations.ts";
import { conformance } from "../harness/index.ts";

conformance("[sig-node] Lease lease API should be available", { containers: true }, async (t) => {
  const { client, signal, namespace } = t;
  const spec = {
    holderIdentity: "first",
    leaseDurationSeconds: 30,
    acquireTime: "2026-01-02T03:04:05.123456Z",
    renewTime: "2026-01-02T03:04:05.123457Z",
    leaseTransitions: 0,
  };
  await checkOperations(t, { kind: Leases, body: { spec } });
  const lease: Lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "leader", namespace },
    spec,
  };
  const made = await client.create(Leases, lease, signal);
  assert.deepEqual((await client.get(Leases, made.metadata, signal)).spec, spec);
  const taken = {
    ...spec,
    holderIdentity: "second",
    renewTime: "2026-01-02T03:05:05.000001Z",
    leaseTransitions: 1,
  };
  const updated = await client.update(Leases, { ...made, spec: taken }, signal);
  assert.deepEqual(updated.spec, taken);
  // Who has not seen that the lease was taken must not take it: elections rest on that.
  const late = { ...made, spec: { ...spec, holderIdentity: "third" } };
  await assert.rejects(client.update(Leases, late, signal), isConflict);
  const patch = { type: "merge", body: { spec: { leaseDurationSeconds: 60 } } } as const;
  assert.deepEqual((await client.patch(Leases, made.metadata, patch, signal)).spec, {
    ...taken,
    leaseDurationSeconds: 60,
  });
});
