/** Nothing in a started server acts as a member of system:masters: its parts have accounts of their own, as the audit log shows. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, ServerHome, type Answered, type ServerProcess } from "./server-process.ts";

const DEFAULT = "/api/v1/namespaces/default";
const ACCOUNT = "system:serviceaccount:kube-system:";
/** Upstream's loopback client, in whose name post-start hooks work: the objects of flow control are theirs. */
const HOOKS = { user: "system:apiserver", userAgents: ["kube-apiserver"] };

const POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    // the test itself waits for the server by it
    { level: "None", users: ["admin"], nonResourceURLs: ["/readyz"] },
    { level: "Metadata" },
  ],
};

interface Event {
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly userAgent?: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly responseStatus?: { readonly code?: number };
}

interface Secret {
  readonly data?: { readonly token?: string };
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
}

const container = { name: "c", image: "i", volumeMounts: [{ name: "d", mountPath: "/d" }] };
const volumes = [{ name: "d", persistentVolumeClaim: { claimName: "data" } }];
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container], volumes } };

/** What gives all parts of the control plane something to do. */
const WORK: readonly (readonly [path: string, body: object])[] = [
  ["/api/v1/nodes", { metadata: { name: "n1", labels: { "kubernetes.io/hostname": "n1" } } }],
  [
    `${DEFAULT}/persistentvolumeclaims`,
    {
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    },
  ],
  [
    "/apis/apps/v1/namespaces/default/deployments",
    { metadata: { name: "web" }, spec: { selector: { matchLabels: { app: "web" } }, template } },
  ],
  [
    `${DEFAULT}/services`,
    { metadata: { name: "web" }, spec: { selector: { app: "web" }, ports: [{ port: 80 }] } },
  ],
  [
    "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
    {
      metadata: { name: "web" },
      spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
    },
  ],
  [
    `${DEFAULT}/secrets`,
    {
      metadata: { name: "legacy", annotations: { "kubernetes.io/service-account.name": "default" } },
      type: "kubernetes.io/service-account-token",
    },
  ],
  [
    "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
    { metadata: { name: "dangling" }, spec: { priorityLevelConfiguration: { name: "none" } } },
  ],
  ["/api/v1/namespaces", { metadata: { name: "short-lived" } }],
];

test("k8ts server: nothing but post-start hooks acts as a member of system:masters", async () => {
  await using home = await ServerHome.make();
  const log = join(home.dir, "audit.log");
  const policy = await home.file("policy.yaml", POLICY);
  const ports = [await freePort(), await freePort()] as const;
  const server = await home.start(
    "--controllers=*",
    `--scheduler-secure-port=${ports[0]}`,
    `--controller-manager-secure-port=${ports[1]}`,
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${log}`,
  );
  try {
    await work(home, server, ports);
  } finally {
    await server[Symbol.asyncDispose]();
  }
  const text = await readFile(log, "utf8");
  const events = text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Event]));
  const masters = events.filter(({ user }) => user.groups?.includes("system:masters"));
  const others = masters.filter(
    ({ user, userAgent = "" }) => user.username !== HOOKS.user || !HOOKS.userAgents.includes(userAgent),
  );
  assert.deepEqual(others.map(shown), []);
  assert.ok(masters.length > 0, "the hooks are audited, too");
  const users = new Set(events.map(({ user }) => user.username));
  for (const name of ["cluster-dns-publisher", "cluster-info-publisher", "metrics-server"])
    assert.ok(users.has(ACCOUNT + name), name);
  assert.ok(users.has(`${ACCOUNT}legacy-service-account-token-tracker`));
  for (const name of ["system:kube-scheduler", "system:kube-controller-manager"]) {
    const reviews = events.filter(
      ({ user, requestURI }) => user.username === name && requestURI.includes("subjectaccessreviews"),
    );
    assert.ok(reviews.length > 0, `${name} asks itself who may read its metrics`);
  }
  const refused = events.filter(
    ({ user, responseStatus }) => isOfSystem(user.username) && responseStatus?.code === 403,
  );
  assert.deepEqual(refused.map(shown), [], "they may do all that they try");
});

async function work(home: ServerHome, server: ServerProcess, ports: readonly number[]): Promise<void> {
  const certificate = await home.identity("kubernetes-admin", "kubeadm:cluster-admins");
  const monitor = await home.identity("monitor", "system:monitoring");
  const post = async <T>(path: string, body: object): Promise<Answered<T>> => {
    const answer = await server.ask<T>(path, { method: "POST", body, certificate });
    assert.ok(answer.code < 300, answer.text);
    return answer;
  };
  for (const [path, body] of WORK) await post(path, body);
  for (const port of ports) {
    const { code } = await server.until(
      "/metrics",
      { certificate: monitor, port },
      (answer) => answer.code === 200,
    );
    assert.equal(code, 200);
  }
  const found = (path: string): Promise<unknown> =>
    server.until(path, { certificate }, (answer) => answer.code === 200);
  await found("/api/v1/namespaces/kube-public/configmaps/cluster-info");
  await found("/api/v1/namespaces/kube-system/services/kube-dns");
  await found("/apis/metrics.k8s.io/v1beta1/nodes");
  await server.until<Secret>(
    `${DEFAULT}/secrets/legacy`,
    { certificate },
    ({ json }) => json.data?.token !== undefined,
  );
  const { json } = await server.ask<Secret>(`${DEFAULT}/secrets/legacy`, { certificate });
  const token = Buffer.from(json.data!.token!, "base64").toString();
  assert.equal((await server.ask(`${DEFAULT}/pods`, { token })).code, 403);
  await server.until<Secret>(
    `${DEFAULT}/secrets/legacy`,
    { certificate },
    (answer) => answer.json.metadata.labels?.["kubernetes.io/legacy-token-last-used"] !== undefined,
  );
  await server.ask("/api/v1/namespaces/short-lived", { method: "DELETE", certificate });
  await server.until("/api/v1/namespaces/short-lived", { certificate }, ({ code }) => code === 404);
  await server.until(
    "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/dangling",
    { certificate },
    ({ text }) => text.includes('"Dangling"') && text.includes('"True"'),
  );
  await server.until(`${DEFAULT}/pods?labelSelector=app%3Dweb`, { certificate }, ({ text }) =>
    text.includes('"items":[{'),
  );
}

function isOfSystem(name: string): boolean {
  return name.startsWith(ACCOUNT) || /^system:[^:]+$/.test(name);
}

function shown({ user, userAgent = "", verb, requestURI }: Event): string {
  return `${user.username} (${userAgent}) ${verb} ${requestURI}`;
}
