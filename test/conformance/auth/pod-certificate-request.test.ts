/** PodCertificateRequests as objects of the API. */
import assert from "node:assert/strict";
import { PodCertificateRequests } from "#api/certificates/v1/podcertificaterequest";
import type { PodCertificateRequest } from "#api/certificates/v1/types.gen";
import { isInvalid, type StatusError } from "#apimachinery";
import { createBareRequest } from "#component-base/pki";
import { checkOperations, checkStatusOperations } from "../api-machinery/api-operations.ts";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import { condition, newSigner } from "./pod-certificate-signer.ts";

type Spec = PodCertificateRequest["spec"];

async function newSpec(t: ConformanceContext): Promise<Omit<Spec, "maxExpirationSeconds">> {
  return {
    signerName: `example.com/${t.unique}`,
    podName: "web",
    podUID: "3f8b7c1e-0000-4000-8000-000000000001",
    serviceAccountName: "default",
    serviceAccountUID: "3f8b7c1e-0000-4000-8000-000000000002",
    nodeName: "node-1",
    nodeUID: "3f8b7c1e-0000-4000-8000-000000000003",
    stubPKCS10Request: (await createBareRequest("ED25519")).request,
  };
}

function newRequest(t: ConformanceContext, name: string, spec: Spec): PodCertificateRequest {
  const metadata = { name, namespace: t.namespace };
  return { apiVersion: "certificates.k8s.io/v1", kind: "PodCertificateRequest", metadata, spec };
}

conformance(
  "[sig-auth] PodCertificateRequest API [Privileged:ClusterAdmin] should support PodCertificateRequest API operations",
  async (t) => {
    const { client, signal, namespace } = t;
    const spec = await newSpec(t);
    await checkOperations(t, { kind: PodCertificateRequests, body: { spec } });

    const made = await client.create(PodCertificateRequests, newRequest(t, "asked", spec), signal);
    assert.equal(made.spec.maxExpirationSeconds, 86_400, "a day, unless it says otherwise");
    const byPod = { namespace, fieldSelector: "spec.podName=web,spec.nodeName=node-1" };
    assert.equal((await client.list(PodCertificateRequests, byPod, signal)).items.length, 1);
    const longer = { type: "merge", body: { spec: { maxExpirationSeconds: 90_000 } } } as const;
    const ref = { namespace, name: "asked" };
    await assert.rejects(client.patch(PodCertificateRequests, ref, longer, signal), isInvalid);

    const foreign = await newSigner("example.com/other");
    const other = {
      ...made,
      spec: { ...made.spec, stubPKCS10Request: (await newSpec(t)).stubPKCS10Request },
    };
    const wrong = { ...made, status: await foreign.sign(other) };
    await assert.rejects(client.updateStatus(PodCertificateRequests, wrong, signal), (err: StatusError) =>
      /leaf certificate was not issued to the requested public key/.test(err.message),
    );
    const status = await foreign.sign(made);
    const issued = await client.updateStatus(PodCertificateRequests, { ...made, status }, signal);
    assert.equal(issued.status?.certificateChain, status.certificateChain);
    assert.match(await t.kubectl("get", "podcertificaterequests", "asked"), /\bIssued\b/);
    const denied = { ...issued, status: { conditions: [condition("Denied")] } };
    await assert.rejects(client.updateStatus(PodCertificateRequests, denied, signal), isInvalid);

    await client.create(PodCertificateRequests, newRequest(t, "refused", spec), signal);
    let attempt = 0;
    await assert.rejects(
      checkStatusOperations(
        t,
        PodCertificateRequests,
        "refused",
        (object, mark) => ({
          ...object,
          status: { conditions: [{ ...condition("Denied"), message: `${mark} ${attempt++}` }] },
        }),
        ({ status: now }) => now?.conditions?.[0]?.message.split(" ")[0],
      ),
      isInvalid,
      "what was denied stays so, in the words of the denial",
    );
    const refused = await client.get(PodCertificateRequests, { namespace, name: "refused" }, signal);
    assert.equal(refused.status?.conditions?.[0]?.message, "updated 0");
  },
);
