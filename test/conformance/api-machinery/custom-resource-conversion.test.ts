/** Versions of a custom resource that a webhook makes out of each other; it runs in the test's process, behind a Service. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { CustomResourceDefinitionVersion, WebhookClientConfig } from "#api/apiextensions/v1/types.gen";
import { Services } from "#api/core/v1/service";
import { systemClock, type Kind } from "#apimachinery";
import { dynamicKind, type Unstructured } from "#client";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { conformance, newCustomKind, type ConformanceContext } from "../harness/index.ts";

interface ConversionReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly Unstructured[];
  };
}

interface Webhook {
  readonly clientConfig: WebhookClientConfig;
  /** What it was asked for, in order. */
  readonly asked: readonly ConversionReview["request"][];
}

const SERVICE = "converter";

/** `hostPort` of v1 is `host` and `port` of v2. */
function convert(given: Unstructured, apiVersion: string): Unstructured {
  const { hostPort, host, port, ...rest } = given;
  if (!apiVersion.endsWith("/v2"))
    return { ...rest, apiVersion, hostPort: `${String(host)}:${String(port)}` };
  const [first, second] = String(hostPort).split(":");
  return { ...rest, apiVersion, host: first, port: second };
}

async function startWebhook(t: ConformanceContext): Promise<Webhook> {
  const { namespace } = t;
  const ca = await createCertificateAuthority("converter", systemClock);
  const dnsName = `${SERVICE}.${namespace}.svc`;
  const subject = { commonName: dnsName, dnsNames: [dnsName], usages: ["server"] } as const;
  const serving = await issueCertificate(ca, subject, systemClock);
  const asked: ConversionReview["request"][] = [];
  const server = createServer(
    { cert: serving.certificatePem, key: serving.privateKeyPem },
    (request, response) => {
      void json(request).then((body) => {
        const review = body as ConversionReview;
        const { uid, desiredAPIVersion, objects } = review.request;
        asked.push(review.request);
        const convertedObjects = objects.map((each) => convert(each, desiredAPIVersion));
        const result = { status: "Success" };
        response.setHeader("content-type", "application/json");
        response.end(
          JSON.stringify({
            apiVersion: review.apiVersion,
            kind: review.kind,
            response: { uid, convertedObjects, result },
          }),
        );
      });
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.cleanup(async () => {
    const isClosed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await isClosed;
  });
  const metadata = { name: SERVICE, namespace };
  const spec = { type: "ExternalName", externalName: "localhost" };
  await t.client.create(Services, { apiVersion: "v1", kind: "Service", metadata, spec }, t.signal);
  const { port } = server.address() as AddressInfo;
  const caBundle = Buffer.from(ca.certificatePem).toString("base64");
  return {
    asked,
    clientConfig: { caBundle, service: { namespace, name: SERVICE, port, path: "/crdconvert" } },
  };
}

const TEXT = { type: "string" };

function version(name: string, storage: boolean, fields: readonly string[]): CustomResourceDefinitionVersion {
  const properties = Object.fromEntries(fields.map((field) => [field, TEXT]));
  const selectableFields = fields.map((field) => ({ jsonPath: `.${field}` }));
  return {
    name,
    served: true,
    storage,
    selectableFields,
    schema: { openAPIV3Schema: { type: "object", properties } },
  };
}

const V1_STORED = [version("v1", true, ["hostPort"]), version("v2", false, ["host", "port"])];
const V2_STORED = V1_STORED.map((each) => ({ ...each, storage: each.name === "v2" }));

interface Versions {
  readonly webhook: Webhook;
  readonly name: string;
  readonly v1: Kind<Unstructured>;
  readonly v2: Kind<Unstructured>;
}

async function define(t: ConformanceContext): Promise<Versions> {
  const webhook = await startWebhook(t);
  const { clientConfig } = webhook;
  const conversion = { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } };
  const { crd, kind: v1 } = await newCustomKind(t, { versions: V1_STORED, spec: { conversion } });
  const { group, names } = crd.spec;
  const v2 = dynamicKind({ group, version: "v2", kind: names.kind, plural: names.plural, namespaced: true });
  return { webhook, name: crd.metadata.name, v1, v2 };
}

function object(t: ConformanceContext, kind: Kind<Unstructured>, name: string, fields: object): Unstructured {
  const apiVersion = `${kind.group}/${kind.version}`;
  return {
    apiVersion,
    kind: kind.kind,
    metadata: { name, namespace: t.namespace },
    ...fields,
  };
}

function fieldsOf({ apiVersion, hostPort, host, port }: Unstructured): readonly unknown[] {
  return [apiVersion.split("/")[1], hostPort, host, port];
}

conformance(
  "[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert from CR v1 to CR v2",
  async (t) => {
    const { client, signal, namespace } = t;
    const { webhook, v1, v2 } = await define(t);
    const made = await client.create(v1, object(t, v1, "a", { hostPort: "localhost:80" }), signal);
    assert.equal(webhook.asked.length, 0, "what is stored needs no conversion");
    const ref = { namespace, name: "a" };
    const second = await client.get(v2, ref, signal);
    assert.deepEqual(fieldsOf(second), ["v2", undefined, "localhost", "80"]);
    assert.equal(second.metadata.uid, made.metadata.uid);
    const [review] = webhook.asked;
    assert.equal(review?.desiredAPIVersion, `${v2.group}/v2`);
    assert.deepEqual(review.objects.map(fieldsOf), [["v1", "localhost:80", undefined, undefined]]);
    // And back: a write in the other version is stored in the first.
    const body = { port: "8080" };
    const patched = await client.patch(v2, ref, { type: "merge", body }, signal);
    assert.deepEqual(fieldsOf(patched), ["v2", undefined, "localhost", "8080"]);
    const now = await client.get(v1, ref, signal);
    assert.deepEqual(fieldsOf(now), ["v1", "localhost:8080", undefined, undefined]);
    await byFields(t, v1, v2);
  },
);

/** Lists and watches choose by what the webhook makes of what is stored. */
async function byFields(
  t: ConformanceContext,
  v1: Kind<Unstructured>,
  v2: Kind<Unstructured>,
): Promise<void> {
  const { client, signal, namespace } = t;
  const fieldSelector = "host=far";
  const { metadata } = await client.list(v2, { namespace, fieldSelector }, signal);
  const watch = t.watch(v2, { namespace, fieldSelector, resourceVersion: metadata.resourceVersion! });
  await client.create(v1, object(t, v1, "b", { hostPort: "far:1" }), signal);
  const { items } = await client.list(v2, { namespace, fieldSelector }, signal);
  assert.deepEqual(items.map(fieldsOf), [["v2", undefined, "far", "1"]]);
  const change = (hostPort: string): Promise<unknown> =>
    client.patch(v1, { namespace, name: "b" }, { type: "merge", body: { hostPort } }, signal);
  await change("near:1");
  await change("far:2");
  await change("far:3");
  await client.deleteCollection(v2, { namespace, fieldSelector }, signal);
  await watch.until("the end", ({ type, object: shown }) => type === "DELETED" && fieldsOf(shown)[3] === "3");
  assert.deepEqual(
    watch.events.map(({ type, object: shown }) => [type, ...fieldsOf(shown as Unstructured).slice(2)]),
    [
      ["ADDED", "far", "1"],
      ["DELETED", "far", "1"],
      ["ADDED", "far", "2"],
      ["MODIFIED", "far", "3"],
      ["DELETED", "far", "3"],
    ],
  );
  const left = await client.list(v1, { namespace }, signal);
  assert.deepEqual(
    left.items.map(({ metadata: { name } }) => name),
    ["a"],
  );
}

conformance(
  "[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert a non homogeneous list of CRs",
  async (t) => {
    const { client, signal, namespace } = t;
    const { name, v1, v2 } = await define(t);
    await client.create(v1, object(t, v1, "old", { hostPort: "first:1" }), signal);
    const body = { spec: { versions: V2_STORED } };
    await client.patch(CustomResourceDefinitions, { name }, { type: "merge", body }, signal);
    await t.waitFor(
      CustomResourceDefinitions,
      { name },
      (crd) => crd?.status?.storedVersions?.includes("v2") === true,
    );
    // From here on the store holds one of each version.
    await client.create(v2, object(t, v2, "young", { host: "second", port: "2" }), signal);
    const list = async (kind: Kind<Unstructured>): Promise<readonly unknown[]> =>
      (await client.list(kind, { namespace }, signal)).items.map(fieldsOf);
    assert.deepEqual(await list(v1), [
      ["v1", "first:1", undefined, undefined],
      ["v1", "second:2", undefined, undefined],
    ]);
    assert.deepEqual(await list(v2), [
      ["v2", undefined, "first", "1"],
      ["v2", undefined, "second", "2"],
    ]);
  },
);
