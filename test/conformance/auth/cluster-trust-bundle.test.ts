/** ClusterTrustBundles as objects of the API. */
import assert from "node:assert/strict";
import { ClusterTrustBundles } from "#api/certificates/v1/clustertrustbundle";
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import { isInvalid, systemClock } from "#apimachinery";
import { createCertificateAuthority } from "#component-base/pki";
import { checkOperations } from "../api-machinery/api-operations.ts";
import { conformance } from "../harness/index.ts";

function bundle(name: string, spec: ClusterTrustBundle["spec"]): ClusterTrustBundle {
  return { apiVersion: "certificates.k8s.io/v1", kind: "ClusterTrustBundle", metadata: { name }, spec };
}

conformance(
  "[sig-auth] ClusterTrustBundle CRUD Tests certificates.k8s.io/v1 ClusterTrustBundles",
  async (t) => {
    const { client, signal, unique } = t;
    const trustBundle = (await createCertificateAuthority(unique, systemClock)).certificatePem;
    await checkOperations(t, { kind: ClusterTrustBundles, body: { spec: { trustBundle } } });

    const signerName = `example.com/${unique}`;
    const name = `example.com:${unique}:a`;
    t.cleanup((undoing) => client.delete(ClusterTrustBundles, { name }, undoing));
    const made = await client.create(ClusterTrustBundles, bundle(name, { signerName, trustBundle }), signal);
    const fieldSelector = `spec.signerName=${signerName}`;
    const { items } = await client.list(ClusterTrustBundles, { fieldSelector }, signal);
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      [name],
    );
    for (const [wrong, spec] of [
      [`${unique}-b`, { signerName, trustBundle }],
      [`${unique}-b`, { trustBundle: "no certificate" }],
      [`${unique}-b`, { trustBundle: trustBundle + trustBundle }],
      [`example.com:${unique}:b`, { trustBundle }],
    ] as const)
      await assert.rejects(client.create(ClusterTrustBundles, bundle(wrong, spec), signal), isInvalid);
    const moved = { ...made, spec: { ...made.spec, signerName: "example.com/other" } };
    await assert.rejects(client.update(ClusterTrustBundles, moved, signal), isInvalid);
    const renewed = `${trustBundle}${(await createCertificateAuthority("next", systemClock)).certificatePem}`;
    const updated = await client.update(
      ClusterTrustBundles,
      { ...made, spec: { signerName, trustBundle: renewed } },
      signal,
    );
    assert.equal(updated.spec.trustBundle, renewed);
  },
);
