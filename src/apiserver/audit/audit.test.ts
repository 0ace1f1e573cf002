import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { StatusError } from "#apimachinery";
import { startHttps, type HttpsFixture } from "../https-fixture.ts";
import type { ApiServerOptions } from "../options.ts";
import { logDefaults } from "./options.ts";
import type { AuditPolicy, AuditPolicyRule } from "./types.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

interface Logged {
  readonly level: string;
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username?: string; readonly groups?: readonly string[] };
  readonly impersonatedUser?: { readonly username: string };
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: Readonly<Record<string, unknown>>;
  readonly requestObject?: Readonly<Record<string, unknown>>;
  readonly responseObject?: Readonly<Record<string, unknown>>;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Audited extends HttpsFixture {
  /** What was recorded so far of the requests of this path, or all. */
  readonly events: (path?: string) => Promise<readonly Logged[]>;
  readonly text: () => Promise<string>;
}

/** Events of what other tests do not ask for stay out: the server's own writes. */
async function startAudited(
  policy: Partial<AuditPolicy> & { readonly rules: readonly AuditPolicyRule[] },
  options: Partial<ApiServerOptions> = {},
): Promise<Audited> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-audit-"));
  folders.push(folder);
  const path = join(folder, "audit.log");
  const fixture = await startHttps({ audit: { policy, log: { ...logDefaults, path } }, ...options });
  const text = (): Promise<string> => readFile(path, "utf8");
  const events = async (of?: string): Promise<readonly Logged[]> => {
    const lines = (await text()).split("\n").filter((line) => line !== "");
    const all = lines.map((line) => JSON.parse(line) as Logged);
    return of === undefined ? all : all.filter(({ requestURI }) => requestURI.startsWith(of));
  };
  return { ...fixture, events, text };
}

function map(name: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "1" } };
}

const post = (body: object, headers: Record<string, string> = {}): object => ({
  method: "POST",
  headers: { "content-type": "application/json", "user-agent": "test/1", ...headers },
  body,
});

test("auditing records who did what, from where, with which answer", async () => {
  const { send, events } = await startAudited({
    rules: [{ level: "RequestResponse", resources: [{ resources: ["configmaps"] }] }],
    omitManagedFields: true,
  });
  const headers = { "audit-id": "my-id", "x-forwarded-for": "192.0.2.7, 192.0.2.8" };
  const answer = await send(`${CONFIG_MAPS}?fieldManager=x`, post(map("one"), headers));
  assert.equal(answer.status, 201);
  assert.equal(answer.headers["audit-id"], "my-id");
  const [received, complete, ...more] = await events();
  assert.deepEqual(more, []);
  assert.ok(received !== undefined && complete !== undefined);
  assert.equal(received.stage, "RequestReceived");
  assert.equal(received.requestObject, undefined);
  assert.equal(received.stageTimestamp, received.requestReceivedTimestamp);
  const {
    annotations,
    requestObject,
    responseObject,
    requestReceivedTimestamp,
    stageTimestamp,
    user,
    ...rest
  } = complete;
  assert.match(requestReceivedTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.ok(stageTimestamp >= requestReceivedTimestamp);
  assert.equal(user.username, "admin");
  assert.deepEqual(user.groups, ["system:masters", "system:authenticated"]);
  assert.deepEqual(rest, {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "RequestResponse",
    auditID: "my-id",
    stage: "ResponseComplete",
    requestURI: `${CONFIG_MAPS}?fieldManager=x`,
    verb: "create",
    sourceIPs: ["192.0.2.7", "192.0.2.8", "127.0.0.1"],
    userAgent: "test/1",
    objectRef: { resource: "configmaps", namespace: "default", name: "one", apiVersion: "v1" },
    responseStatus: { metadata: {}, code: 201 },
  });
  assert.deepEqual(annotations, {
    "authorization.k8s.io/decision": "allow",
    "authorization.k8s.io/reason": "",
  });
  assert.deepEqual(requestObject, map("one"));
  const { metadata, data } = responseObject as { metadata: Record<string, unknown>; data: unknown };
  assert.deepEqual(data, { a: "1" });
  assert.ok(metadata["resourceVersion"] !== undefined && metadata["managedFields"] === undefined);
});

test("auditing keeps to the level: bodies that the policy does not name are nowhere", async () => {
  const { send, text, events } = await startAudited({
    rules: [
      { level: "Metadata", resources: [{ resources: ["secrets"] }] },
      { level: "Request", resources: [{ resources: ["configmaps"] }] },
    ],
  });
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    stringData: { a: "hush-hush" },
  };
  await send("/api/v1/namespaces/default/secrets", post(secret));
  await send("/api/v1/namespaces/default/secrets/s");
  await send(CONFIG_MAPS, post(map("one")));
  await send("/version");
  const log = await text();
  assert.ok(!log.includes("hush") && !log.includes(Buffer.from("hush-hush").toString("base64")));
  const complete = (await events()).filter(({ stage }) => stage === "ResponseComplete");
  assert.deepEqual(
    complete.map(({ verb, objectRef }) => `${verb} ${objectRef?.["resource"]}/${objectRef?.["name"]}`),
    ["create secrets/s", "get secrets/s", "create configmaps/one"],
  );
  const last = complete.at(-1);
  assert.ok(last?.requestObject !== undefined && last.responseObject === undefined);
});

test("auditing records lists, patches and deletes with their objects", async () => {
  const { send, events } = await startAudited({
    rules: [{ level: "RequestResponse", resources: [{ resources: ["configmaps"] }] }],
    omitStages: ["RequestReceived"],
    omitManagedFields: true,
  });
  await send(CONFIG_MAPS, post(map("one")));
  await send(CONFIG_MAPS);
  await send(`${CONFIG_MAPS}/one`, {
    method: "PATCH",
    headers: { "content-type": "application/merge-patch+json" },
    body: { data: { b: "2" } },
  });
  await send(`${CONFIG_MAPS}/one`, { ...post({ gracePeriodSeconds: 0 }), method: "DELETE" });
  const [, list, patch, gone] = await events();
  assert.ok(list !== undefined && patch !== undefined && gone !== undefined);
  assert.equal((list.responseObject as { items: unknown[] }).items.length, 1);
  assert.ok(!JSON.stringify(list.responseObject).includes("managedFields"));
  assert.deepEqual(patch.requestObject, { data: { b: "2" } });
  assert.equal((gone.requestObject as { kind: string }).kind, "DeleteOptions");
  assert.equal(gone.responseStatus?.["status"], "Success");
  assert.equal(gone.responseStatus?.["code"], 200);
});

test("auditing records refusals, with the decision and its reason", async () => {
  const { send, events } = await startAudited({
    rules: [{ level: "Metadata", users: ["system:anonymous"] }],
  });
  assert.equal((await send(CONFIG_MAPS, { asNobody: true })).status, 403);
  const complete = (await events()).at(-1);
  assert.equal(complete?.annotations?.["authorization.k8s.io/decision"], "forbid");
  assert.equal(complete?.responseStatus?.["reason"], "Forbidden");
  assert.equal(complete?.responseStatus?.["code"], 403);
});

test("auditing records who cannot say who they are, once", async () => {
  const authenticator = {
    authenticate: () => Promise.reject(new StatusError("Unauthorized", "Unauthorized")),
  };
  const { send, events } = await startAudited(
    { rules: [{ level: "Metadata", verbs: ["list"] }] },
    { authenticator },
  );
  assert.equal((await send(CONFIG_MAPS)).status, 401);
  const [event, ...more] = await events(CONFIG_MAPS);
  assert.deepEqual(more, []);
  assert.equal(event?.stage, "ResponseStarted");
  assert.deepEqual(event?.user, {});
  assert.equal(event?.responseStatus?.["code"], 401);
});

test("auditing tells who acts from as whom", async () => {
  const { send, events } = await startAudited({
    rules: [{ level: "Metadata", verbs: ["list"], users: ["admin"] }],
  });
  await send(CONFIG_MAPS, { headers: { "impersonate-user": "ada" } });
  const complete = (await events()).at(-1);
  assert.equal(complete?.user.username, "admin");
  assert.equal(complete?.impersonatedUser?.username, "ada");
  assert.equal(complete?.responseStatus?.["code"], 403);
});

test("auditing tells the begin and the end of a watch", async () => {
  const { open, events, server } = await startAudited({
    rules: [{ level: "Metadata", verbs: ["watch"], users: ["admin"] }],
  });
  await open(`${CONFIG_MAPS}?watch=true`);
  const stages = async (): Promise<readonly string[]> => (await events()).map(({ stage }) => stage);
  assert.deepEqual(await stages(), ["RequestReceived", "ResponseStarted"]);
  await server.close();
  assert.deepEqual(await stages(), ["RequestReceived", "ResponseStarted", "ResponseComplete"]);
});

test("auditing records a program that broke as a panic", async () => {
  const broken = {
    matches: (path: string) => path === "/broken",
    handle: () => Promise.reject(new Error("out of cheese")),
  };
  const { send, events } = await startAudited({ rules: [{ level: "Metadata" }] }, { routes: [broken] });
  assert.equal((await send("/broken")).status, 500);
  const [, panic] = await events("/broken");
  assert.equal(panic?.stage, "Panic");
  assert.equal(panic?.responseStatus?.["message"], "APIServer panic'd: out of cheese");
});

test("auditing records what Pod Security would have refused", async () => {
  const { send, events, server } = await startAudited({
    rules: [{ level: "Metadata", resources: [{ resources: ["pods"] }] }],
    omitStages: ["RequestReceived"],
  });
  const labels = { "pod-security.kubernetes.io/audit": "restricted" };
  await send(
    "/api/v1/namespaces",
    post({ apiVersion: "v1", kind: "Namespace", metadata: { name: "n", labels } }),
  );
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
  await send("/api/v1/namespaces/n/serviceaccounts", post(account));
  const spec = { containers: [{ name: "c", image: "i" }] };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec };
  assert.equal((await send("/api/v1/namespaces/n/pods", post(pod))).status, 201);
  await server.close();
  const [event] = await events("/api/v1/namespaces/n/pods");
  assert.equal(event?.annotations?.["pod-security.kubernetes.io/enforce-policy"], "privileged:latest");
  assert.match(
    event?.annotations?.["pod-security.kubernetes.io/audit-violations"] ?? "",
    /^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false/,
  );
});

test("auditing sees what clients in the server's own process do", async () => {
  const { server, events } = await startAudited({
    rules: [{ level: "Metadata", verbs: ["create"], resources: [{ resources: ["configmaps"] }] }],
  });
  const user = { name: "system:kube-scheduler", groups: ["system:masters"] };
  const { signal } = new AbortController();
  await server.transport(user).request({ method: "POST", path: CONFIG_MAPS, body: map("one") }, signal);
  const [received, complete] = await events();
  assert.equal(received?.stage, "RequestReceived");
  assert.equal(complete?.user.username, "system:kube-scheduler");
  assert.deepEqual(complete?.objectRef, {
    resource: "configmaps",
    namespace: "default",
    name: "one",
    apiVersion: "v1",
  });
});

test("auditing counts events and levels", async () => {
  const { send } = await startAudited({ rules: [{ level: "Metadata", nonResourceURLs: ["/version"] }] });
  await send("/version");
  const { text } = await send("/metrics");
  assert.match(text, /^apiserver_audit_event_total 2$/m);
  assert.match(text, /^apiserver_audit_level_total\{level="Metadata"\} 1$/m);
  assert.match(text, /^apiserver_audit_requests_rejected_total 0$/m);
});

test("blocking-strict auditing refuses requests whose events it cannot keep", async () => {
  const audit = {
    policy: { rules: [{ level: "Metadata", resources: [{ resources: ["configmaps"] }] }] } as const,
    log: { ...logDefaults, mode: "blocking-strict" as const, path: "/dev/full" },
  };
  const { send } = await startHttps({ audit });
  const refused = await send(CONFIG_MAPS, post(map("one")));
  assert.equal(refused.status, 500);
  assert.match(refused.text, /failed to store audit event/);
  assert.equal((await send("/version")).status, 200);
  const { text } = await send("/metrics");
  assert.match(text, /^apiserver_audit_requests_rejected_total 1$/m);
  assert.match(text, /^apiserver_audit_error_total\{plugin="log"\} 1$/m);
  assert.equal((await send(`${CONFIG_MAPS}/one`)).status, 500);
});
