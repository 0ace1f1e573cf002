/**
 * Aggregation: a whole second API server behind this one. It runs in the test's process, at the end of a Service that names
 * this machine, and knows of the cluster what every extension API server does: the ConfigMap that says whom to believe, and
 * SubjectAccessReviews.
 */
import assert from "node:assert/strict";
import { APIServices } from "#api/apiregistration/v1/apiservice";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { SubjectAccessReviews } from "#api/authorization/v1/subjectaccessreview";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Services } from "#api/core/v1/service";
import { ClusterRoleBindings } from "#api/rbac/v1/clusterrolebinding";
import { ClusterRoles } from "#api/rbac/v1/clusterrole";
import { systemClock, type KubeObject } from "#apimachinery";
import { createApiServer, type ApiServer, type Authorizer, type RequestHeaderOptions } from "#apiserver";
import { dynamicKind } from "#client";
import { createCertificateAuthority, issueCertificate, type CertificateAuthority } from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { conformance, type ConformanceContext } from "../harness/index.ts";

const HOST = "127.0.0.1";
const SERVICE = "sample-api";
const VERSION = "v1alpha1";

interface SampleServer {
  readonly server: ApiServer;
  readonly port: number;
  readonly ca: CertificateAuthority;
}

conformance(
  "[sig-api-machinery] Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator",
  async (t) => {
    const group = `${t.unique}.example.com`;
    const name = `${VERSION}.${group}`;
    const sample = await startSampleServer(t, group);
    await register(t, sample, group);
    await allowJane(t, group);
    const reads = (reason: string): Promise<APIService> =>
      t.waitFor(APIServices, { name }, (found) => found?.status?.conditions?.[0]?.reason === reason);
    await reads("Passed");

    await t.test.test("it is listed, and its kinds are discovered", () => listed(t, name, group));
    await t.test.test("its objects are served through the aggregator", () => objects(t, sample, group));
    await t.test.test("a user is the same user behind it", () => users(t, group));
    await t.test.test("its registration is read and written like any object", () => registration(t, name));

    await sample.server.close();
    // Nothing that can be watched has changed but this: the check comes now and not at its next turn.
    await t.kubectl("annotate", "service", SERVICE, "touched=yes");
    await reads("FailedDiscoveryCheck");
    const { status, text } = await t.http({ path: `/apis/${group}/${VERSION}/flunders` });
    assert.deepEqual([status, text], [503, "service unavailable\n"]);
    await t.kubectl("delete", "apiservice", name);
    const groups = await t.http({ path: "/apis" });
    assert.ok(!groups.text.includes(group));
  },
);

/** An API server with a kind of its own, that believes the cluster's front proxy and asks the cluster who may do what. */
async function startSampleServer(t: ConformanceContext, group: string): Promise<SampleServer> {
  const ref = { namespace: "kube-system", name: "extension-apiserver-authentication" };
  const { data = {} } = await t.client.get(ConfigMaps, ref, t.signal);
  const list = (key: string): readonly string[] => JSON.parse(data[key] ?? "[]") as readonly string[];
  const requestHeader: RequestHeaderOptions = {
    clientCa: data["requestheader-client-ca-file"] ?? "",
    allowedNames: list("requestheader-allowed-names"),
    usernameHeaders: list("requestheader-username-headers"),
    uidHeaders: list("requestheader-uid-headers"),
    groupHeaders: list("requestheader-group-headers"),
    extraHeaderPrefixes: list("requestheader-extra-headers-prefix"),
  };
  const ca = await createCertificateAuthority("sample", systemClock);
  const dnsName = `${SERVICE}.${t.namespace}.svc`;
  const serving = await issueCertificate(
    ca,
    { commonName: dnsName, dnsNames: [dnsName], usages: ["server"] },
    systemClock,
  );
  const server = await createApiServer({
    store: await openMemoryStore(),
    requestHeader,
    authorizer: delegatedTo(t),
    // Namespaces are the cluster's, not its own.
    disabledAdmissionPlugins: ["ServiceAccount", "NamespaceLifecycle"],
    tls: { cert: serving.certificatePem, key: serving.privateKeyPem },
  });
  t.cleanup(() => server.close());
  const [bound] = await server.listen([{ host: HOST, port: 0 }]);
  await define(server, group, t.signal);
  return { server, port: bound!.port, ca };
}

function delegatedTo({ client, signal }: ConformanceContext): Authorizer {
  return {
    async authorize({ user, isResourceRequest, path, verb, ...resource }) {
      const { group, version, resource: plural, subresource, namespace, name } = resource;
      const attributes = isResourceRequest
        ? { resourceAttributes: { group, version, resource: plural, subresource, namespace, name, verb } }
        : { nonResourceAttributes: { path, verb } };
      const review = {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        metadata: { name: "" },
        spec: { user: user.name, groups: user.groups, ...attributes },
      } as const;
      const { status } = await client.create(SubjectAccessReviews, review, signal);
      return { allowed: status?.allowed ?? false };
    },
  };
}

async function define(server: ApiServer, group: string, signal: AbortSignal): Promise<void> {
  const transport = server.transport();
  const schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const version = { name: VERSION, served: true, storage: true, schema: { openAPIV3Schema: schema } };
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const body = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `flunders.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "flunders", singular: "flunder", kind: "Flunder" },
      versions: [version],
    },
  };
  await transport.request({ method: "POST", path: crds, body }, signal);
  for await (const { object } of transport.watch({ method: "GET", path: crds }, signal)) {
    const { status } = object as KubeObject & { status?: { conditions?: readonly { type: string }[] } };
    if (status?.conditions?.some(({ type }) => type === "Established") === true) return;
  }
}

async function register(t: ConformanceContext, { port, ca }: SampleServer, group: string): Promise<void> {
  const { namespace } = t;
  await t.client.create(
    Services,
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: SERVICE, namespace },
      spec: { type: "ExternalName", externalName: "localhost" },
    },
    t.signal,
  );
  const name = `${VERSION}.${group}`;
  t.cleanup((signal) => t.client.delete(APIServices, { name }, signal));
  await t.client.create(
    APIServices,
    {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name, labels: { test: t.unique } },
      spec: {
        group,
        version: VERSION,
        service: { namespace, name: SERVICE, port },
        caBundle: Buffer.from(ca.certificatePem).toString("base64"),
        groupPriorityMinimum: 2_000,
        versionPriority: 200,
      },
    },
    t.signal,
  );
}

/** To read flunders, and no more. */
async function allowJane(t: ConformanceContext, group: string): Promise<void> {
  const { client, signal, unique: name } = t;
  const apiGroup = "rbac.authorization.k8s.io";
  const rules = [{ apiGroups: [group], resources: ["flunders"], verbs: ["get", "list"] }];
  const common = { apiVersion: `${apiGroup}/v1`, metadata: { name } } as const;
  t.cleanup((undoing) => client.delete(ClusterRoles, { name }, undoing));
  t.cleanup((undoing) => client.delete(ClusterRoleBindings, { name }, undoing));
  await client.create(ClusterRoles, { ...common, kind: "ClusterRole", rules }, signal);
  const roleRef = { apiGroup, kind: "ClusterRole", name };
  const subjects = [{ apiGroup, kind: "User", name: `jane-${name}` }];
  await client.create(
    ClusterRoleBindings,
    { ...common, kind: "ClusterRoleBinding", roleRef, subjects },
    signal,
  );
}

async function listed(t: ConformanceContext, name: string, group: string): Promise<void> {
  const row = await t.kubectl("get", "apiservice", name, "--no-headers");
  assert.match(row, new RegExp(`^${name}\\s+${t.namespace}/${SERVICE}\\s+True\\s`));
  const all = (await t.kubectl("get", "apiservices", "-o", "name")).split("\n");
  for (const local of ["v1.", "v1.apps"]) {
    assert.ok(all.includes(`apiservice.apiregistration.k8s.io/${local}`), local);
  }
  const resources = await t.kubectl("api-resources", `--api-group=${group}`, "--no-headers");
  assert.match(resources, new RegExp(`^flunders\\s+${group}/${VERSION}\\s+true\\s+Flunder`));
  const versions = await t.kubectl("api-versions");
  assert.ok(versions.split("\n").includes(`${group}/${VERSION}`));
}

async function objects(t: ConformanceContext, sample: SampleServer, group: string): Promise<void> {
  const { namespace, client, signal } = t;
  const flunders = dynamicKind({
    group,
    version: VERSION,
    kind: "Flunder",
    plural: "flunders",
    namespaced: true,
  });
  const apiVersion = `${group}/${VERSION}`;
  const watch = t.watch(flunders, { namespace, resourceVersion: "0" });
  const one = { apiVersion, kind: "Flunder", metadata: { name: "one", namespace }, spec: { reference: "a" } };
  const created = await client.create(flunders, one, signal);
  assert.equal((await watch.next()).type, "ADDED");
  // It is the other server's, and not ours.
  const path = `/apis/${apiVersion}/namespaces/${namespace}/flunders/one`;
  const behind = await sample.server.transport().request({ method: "GET", path }, signal);
  assert.equal((behind.body as KubeObject).metadata.uid, created.metadata.uid);
  await t.kubectl("patch", "flunder", "one", "--type=merge", '--patch={"spec":{"reference":"b"}}');
  assert.equal((await watch.next()).type, "MODIFIED");
  assert.equal(await t.kubectl("get", "flunder", "one", "-o", "jsonpath={.spec.reference}"), "b");
  await client.create(flunders, { ...one, metadata: { name: "two", namespace } }, signal);
  assert.equal((await client.list(flunders, { namespace }, signal)).items.length, 2);
  await t.kubectl("delete", "flunders", "--all");
  assert.deepEqual((await client.list(flunders, { namespace }, signal)).items, []);
}

async function users(t: ConformanceContext, group: string): Promise<void> {
  const jane = `--as=jane-${t.unique}`;
  const resource = `flunders.${group}`;
  assert.match((await t.tryKubectl(["get", resource, jane])).stderr, /No resources found/);
  const path = `/apis/${group}/${VERSION}/namespaces/${t.namespace}/flunders`;
  const asJane = { "impersonate-user": `jane-${t.unique}` };
  const smuggled = { ...asJane, "x-remote-user": "system:admin", "x-remote-group": "system:masters" };
  assert.equal((await t.http({ path, headers: smuggled })).status, 200);
  const deleted = await t.http({ method: "DELETE", path, headers: smuggled });
  assert.equal(deleted.status, 403);
  assert.match(deleted.text, new RegExp(`User \\\\"jane-${t.unique}\\\\" cannot deletecollection`));
}

async function registration(t: ConformanceContext, name: string): Promise<void> {
  const { client, signal } = t;
  const body = { metadata: { labels: { touched: t.unique } }, status: { conditions: [] } };
  const patched = await client.patch(APIServices, { name }, { type: "merge", body }, signal);
  assert.equal(patched.metadata.labels?.["touched"], t.unique);
  assert.equal(patched.status?.conditions?.[0]?.status, "True", "status has a place of its own");
  const { items } = await client.list(APIServices, { labelSelector: `touched=${t.unique}` }, signal);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    [name],
  );
}
