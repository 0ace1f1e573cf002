/** CertificateSigningRequests: every operation of the API, approval and status by paths of their own. */
import assert from "node:assert/strict";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from "#api/certificates/v1/types.gen";
import { isNotFound, systemClock } from "#apimachinery";
import {
  createCertificateAuthority,
  createCertificateRequest,
  signCertificateRequest,
} from "#component-base/pki";
import { conformance, type ConformanceContext } from "../harness/index.ts";

const GROUP = "certificates.k8s.io";
const PLURAL = "certificatesigningrequests";

interface Resources {
  readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
}

/** Everybody's, so that no controller of the cluster settles it. */
function signerOf(t: ConformanceContext): string {
  return `example.com/${t.unique}`;
}

function newRequest(t: ConformanceContext, name: string, pem: string): CertificateSigningRequest {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: "CertificateSigningRequest",
    metadata: { name: `${t.unique}-${name}`, labels: { test: t.unique } },
    spec: {
      request: Buffer.from(pem).toString("base64"),
      signerName: signerOf(t),
      expirationSeconds: 3_600,
      usages: ["digital signature", "key encipherment", "server auth"],
    },
  };
}

function verdict(type: string, message: string): CertificateSigningRequestCondition {
  return { type, status: "True", reason: "Test", message };
}

async function checkDiscovery(t: ConformanceContext): Promise<void> {
  const { groups } = (await t.http({ path: "/apis", headers: { accept: "application/json" } })).json() as {
    readonly groups: readonly {
      readonly name: string;
      readonly versions: readonly { readonly version: string }[];
    }[];
  };
  const versions = groups.find(({ name }) => name === GROUP)?.versions.map(({ version }) => version);
  assert.ok(versions?.includes("v1"));
  assert.equal((await t.http({ path: `/apis/${GROUP}` })).status, 200);
  const { resources } = (await t.http({ path: `/apis/${GROUP}/v1` })).json() as Resources;
  const verbs = (name: string) => resources.find((resource) => resource.name === name)?.verbs.toSorted();
  const all = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
  assert.deepEqual(verbs(PLURAL), all);
  for (const part of ["approval", "status"])
    assert.deepEqual(verbs(`${PLURAL}/${part}`), ["get", "patch", "update"]);
}

conformance(
  "[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations",
  async (t) => {
    const { client, signal, unique } = t;
    await checkDiscovery(t);
    const { requestPem } = await createCertificateRequest({
      commonName: unique,
      dnsNames: ["web.example.com"],
    });
    const labelSelector = `test=${unique}`;
    t.cleanup((undoing) => client.deleteCollection(CertificateSigningRequests, { labelSelector }, undoing));
    const before = await client.list(CertificateSigningRequests, { labelSelector }, signal);
    assert.deepEqual(before.items, []);
    const watch = t.watch(CertificateSigningRequests, {
      labelSelector,
      resourceVersion: before.metadata.resourceVersion!,
    });

    const made = await client.create(CertificateSigningRequests, newRequest(t, "a", requestPem), signal);
    const ref = { name: made.metadata.name };
    assert.equal(made.spec.username, "kubernetes-admin", "who asks stands in it");
    assert.ok(made.spec.groups?.includes("system:authenticated"));
    assert.deepEqual((await watch.next()).type, "ADDED");
    const forged = { ...newRequest(t, "b", requestPem) };
    const spec = { ...forged.spec, username: "somebody-else", groups: ["system:nodes"] };
    const honest = await client.create(CertificateSigningRequests, { ...forged, spec }, signal);
    assert.equal(honest.spec.username, made.spec.username, "and nobody can put another name there");
    assert.deepEqual(honest.spec.groups, made.spec.groups);
    await client.create(CertificateSigningRequests, newRequest(t, "c", requestPem), signal);

    assert.deepEqual(await client.get(CertificateSigningRequests, ref, signal), made);
    const listed = await client.list(CertificateSigningRequests, { labelSelector }, signal);
    assert.equal(listed.items.length, 3);
    const fieldSelector = `spec.signerName=${signerOf(t)}`;
    assert.equal((await client.list(CertificateSigningRequests, { fieldSelector }, signal)).items.length, 3);

    const patch = { type: "merge", body: { metadata: { annotations: { patched: "yes" } } } } as const;
    const patched = await client.patch(CertificateSigningRequests, ref, patch, signal);
    assert.equal(patched.metadata.annotations?.["patched"], "yes");
    const annotations = { ...patched.metadata.annotations, updated: "yes" };
    const changed = { ...patched, metadata: { ...patched.metadata, annotations } };
    const updated = await client.update(CertificateSigningRequests, changed, signal);
    assert.equal(updated.metadata.annotations?.["updated"], "yes");
    assert.deepEqual(updated.spec, made.spec);
    await watch.until(
      "the update",
      ({ type, object }) => type === "MODIFIED" && object.metadata.annotations?.["updated"] === "yes",
    );

    await approve(t, ref.name);
    await issue(t, ref.name, requestPem);

    await client.delete(CertificateSigningRequests, ref, signal);
    await watch.until(
      "the deletion",
      ({ type, object }) => type === "DELETED" && object.metadata.name === ref.name,
    );
    await assert.rejects(client.get(CertificateSigningRequests, ref, signal), isNotFound);
    await client.deleteCollection(CertificateSigningRequests, { labelSelector }, signal);
    assert.deepEqual((await client.list(CertificateSigningRequests, { labelSelector }, signal)).items, []);
  },
);

/** By its own path alone, and for good. */
async function approve({ client, signal }: ConformanceContext, name: string): Promise<void> {
  const read = await client.getSubresource(CertificateSigningRequests, { name }, "approval", signal);
  const csr = read as CertificateSigningRequest;
  const approved = { ...csr, status: { ...csr.status, conditions: [verdict("Approved", "by update")] } };
  const byObject = await client.update(CertificateSigningRequests, approved, signal);
  assert.equal(byObject.status?.conditions, undefined, "a write of the object leaves the status alone");
  const stored = (await client.updateSubresource(
    CertificateSigningRequests,
    { name },
    "approval",
    { ...approved, metadata: byObject.metadata },
    signal,
  )) as CertificateSigningRequest;
  const [own] = stored.status?.conditions ?? [];
  assert.deepEqual([own?.type, own?.message], ["Approved", "by update"]);
  assert.ok(own?.lastUpdateTime !== undefined && own.lastTransitionTime !== undefined, "times are filled in");
  const body = {
    metadata: { annotations: { reviewed: "yes" } },
    status: { conditions: [{ ...own, message: "by patch" }] },
  };
  const patched = await client.patch(CertificateSigningRequests, { name }, { type: "merge", body }, signal, {
    subresource: "approval",
  });
  assert.equal(patched.status?.conditions?.[0]?.message, "by patch");
  const denied = { status: { conditions: [own, verdict("Denied", "too late")] } };
  await assert.rejects(
    client.patch(CertificateSigningRequests, { name }, { type: "merge", body: denied }, signal, {
      subresource: "approval",
    }),
    { code: 422 },
  );
}

async function issue(
  { client, signal }: ConformanceContext,
  name: string,
  requestPem: string,
): Promise<void> {
  const ca = await createCertificateAuthority("signer", systemClock);
  const usages = ["digital signature", "key encipherment", "server auth"];
  const pem = await signCertificateRequest(ca, requestPem, { usages, ttlMs: 3_600_000 }, systemClock);
  const certificate = Buffer.from(pem).toString("base64");
  const read = (await client.getSubresource(
    CertificateSigningRequests,
    { name },
    "status",
    signal,
  )) as CertificateSigningRequest;
  const stored = await client.updateStatus(
    CertificateSigningRequests,
    { ...read, status: { ...read.status, certificate } },
    signal,
  );
  assert.equal(stored.status?.certificate, certificate);
  assert.deepEqual(stored.status?.conditions, read.status?.conditions, "the verdict stays");
  const failed = [...(stored.status?.conditions ?? []), verdict("Failed", "by patch")];
  const patched = await client.patch(
    CertificateSigningRequests,
    { name },
    { type: "merge", body: { status: { conditions: failed } } },
    signal,
    { subresource: "status" },
  );
  assert.deepEqual(
    patched.status?.conditions?.map(({ type }) => type),
    ["Approved", "Failed"],
  );
  assert.equal(patched.status?.certificate, certificate);
}
