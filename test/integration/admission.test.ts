/** What admission changes and refuses, through the API of a whole server. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { AuthorizationAttributes } from "#apiserver";
import { startAdmissionServer, pod, user, type AdmissionServer } from "./admission-server.ts";

const CORE = "/api/v1/namespaces/default";
const PODS = `${CORE}/pods`;
const NODE = user("system:node:n1", "system:nodes");
const resources = (requests: object, limits: object): object => ({ resources: { requests, limits } });
const service = (type: string): object => ({
  metadata: { name: "s" },
  spec: { type, ports: [{ port: 80 }] },
});
const labels = (level: string): object => ({
  metadata: { labels: { "pod-security.kubernetes.io/enforce": level } },
});
const labelled = (key: string): object => ({ metadata: { labels: { [key]: "x" } } });

suite("LimitRanger", () => {
  const range = {
    metadata: { name: "limits" },
    spec: {
      limits: [
        {
          type: "Container",
          default: { cpu: "500m" },
          defaultRequest: { cpu: "100m" },
          max: { cpu: "1" },
          min: { cpu: "50m" },
          maxLimitRequestRatio: { cpu: "6" },
        },
        { type: "Pod", max: { memory: "1Gi" } },
        { type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "5Gi" } },
      ],
    },
  };
  const cases: readonly (readonly [name: string, container: object, expected: RegExp])[] = [
    [
      "too much of everything",
      resources({ cpu: "10m", memory: "1Mi" }, { cpu: "2", memory: "2Gi" }),
      /is forbidden: \[minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per Container is 1, but limit is 2, cpu max limit to request ratio per Container is 6, but provided ratio is 200\.000000, maximum memory usage per Pod is 1Gi, but limit is 2Gi\]$/,
    ],
    [
      "no limit at all",
      resources({ cpu: "100m" }, { cpu: "200m" }),
      /is forbidden: maximum memory usage per Pod is 1Gi\. {2}No limit is specified$/,
    ],
  ];
  for (const [name, container, expected] of cases) {
    test(`LimitRanger refuses ${name}`, async () => {
      await using cluster = await startAdmissionServer();
      await cluster.send("POST", `${CORE}/limitranges`, range);
      const { message, code } = await cluster.refused("POST", PODS, pod("p", container));
      assert.match(message, expected);
      assert.equal(code, 403);
    });
  }

  test("LimitRanger gives what was left out and says so", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", `${CORE}/limitranges`, range);
    const made = await cluster.send("POST", PODS, pod("p", resources({ memory: "1Mi" }, { memory: "1Mi" })));
    assert.equal(
      made.metadata.annotations?.["kubernetes.io/limit-ranger"],
      "LimitRanger plugin set: cpu request for container c; cpu limit for container c",
    );
    const { containers } = made["spec"] as { containers: { resources: object }[] };
    assert.deepEqual(containers[0]!.resources, {
      limits: { cpu: "500m", memory: "1Mi" },
      requests: { cpu: "100m", memory: "1Mi" },
    });
  });

  test("LimitRanger bounds claims by their requests", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", `${CORE}/limitranges`, range);
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Gi" } } };
    const claims = `${CORE}/persistentvolumeclaims`;
    const { message } = await cluster.refused("POST", claims, { metadata: { name: "big" }, spec });
    assert.match(message, /maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi$/);
  });
});

/** A quota as the controller leaves it: admission counts by its status. */
async function withQuota(cluster: AdmissionServer, hard: Readonly<Record<string, string>>): Promise<void> {
  const quotas = `${CORE}/resourcequotas`;
  const quota = await cluster.send("POST", quotas, { metadata: { name: "q" }, spec: { hard } });
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]));
  await cluster.send("PUT", `${quotas}/q/status`, { ...quota, status: { hard, used } });
}

async function usedOf(cluster: AdmissionServer): Promise<unknown> {
  const { status } = await cluster.send("GET", `${CORE}/resourcequotas/q`);
  return (status as { used: unknown }).used;
}

suite("ResourceQuota", () => {
  test("ResourceQuota lets exactly as many of 100 parallel creates through as fit", async () => {
    await using cluster = await startAdmissionServer();
    await withQuota(cluster, { "count/configmaps": "37" });
    const creates = Array.from({ length: 100 }, (_, i) =>
      cluster.send("POST", `${CORE}/configmaps`, { metadata: { name: `c${i}` } }),
    );
    const answers = await Promise.allSettled(creates);
    assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 37);
    assert.deepEqual(await usedOf(cluster), { "count/configmaps": "37" });
    const { message, code } = await cluster.refused("POST", `${CORE}/configmaps`, {
      metadata: { name: "x" },
    });
    assert.equal(code, 403);
    assert.equal(
      message,
      'configmaps "x" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=37, limited: count/configmaps=37',
    );
  });

  test("ResourceQuota goes on when somebody else writes the status meanwhile", async () => {
    await using cluster = await startAdmissionServer();
    await withQuota(cluster, { "count/configmaps": "1000" });
    const recount = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) {
        const path = `${CORE}/resourcequotas/q`;
        await cluster.send("PATCH", path, { metadata: { annotations: { i: String(i) } } });
      }
    };
    const creates = Array.from({ length: 30 }, (_, i) =>
      cluster.send("POST", `${CORE}/configmaps`, { metadata: { name: `c${i}` } }),
    );
    await Promise.all([recount(), ...creates]);
    assert.deepEqual(await usedOf(cluster), { "count/configmaps": "30" });
  });

  test("ResourceQuota wants pods to say what they need, and counts what they ask for", async () => {
    await using cluster = await startAdmissionServer();
    await withQuota(cluster, { "requests.cpu": "1", pods: "5" });
    const silent = await cluster.refused("POST", PODS, pod("p"));
    assert.match(silent.message, /failed quota: q: must specify requests\.cpu for: c$/);
    const asking = { resources: { requests: { cpu: "600m" } } };
    await cluster.send("POST", PODS, pod("p", asking));
    const { message } = await cluster.refused("POST", PODS, pod("p2", asking));
    assert.match(
      message,
      /exceeded quota: q, requested: requests\.cpu=600m, used: requests\.cpu=600m, limited: requests\.cpu=1$/,
    );
    assert.deepEqual(await usedOf(cluster), { "requests.cpu": "600m", pods: "1" });
  });

  test("ResourceQuota counts nothing of a dry run, and the growth alone of an update", async () => {
    await using cluster = await startAdmissionServer();
    await withQuota(cluster, { "services.nodeports": "2", services: "2" });
    const services = `${CORE}/services`;
    await cluster.send("POST", `${services}?dryRun=All`, service("NodePort"));
    assert.deepEqual(await usedOf(cluster), { "services.nodeports": "0", services: "0" });
    await cluster.send("POST", services, service("ClusterIP"));
    await cluster.send("PATCH", `${services}/s`, { spec: { type: "NodePort" } });
    assert.deepEqual(await usedOf(cluster), { "services.nodeports": "1", services: "1" });
  });

  test("ResourceQuota of a scope lets other pods be", async () => {
    await using cluster = await startAdmissionServer();
    const quotas = `${CORE}/resourcequotas`;
    const spec = { hard: { pods: "0" }, scopes: ["BestEffort"] };
    const quota = await cluster.send("POST", quotas, { metadata: { name: "q" }, spec });
    const status = { hard: { pods: "0" }, used: { pods: "0" } };
    await cluster.send("PUT", `${quotas}/q/status`, { ...quota, status });
    await cluster.send("POST", PODS, pod("burstable", { resources: { requests: { cpu: "1m" } } }));
    const { message } = await cluster.refused("POST", PODS, pod("best-effort"));
    assert.match(message, /exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0$/);
  });
});

suite("PodSecurity", () => {
  test("PodSecurity refuses at the enforced level and warns of what it will refuse", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("PATCH", "/api/v1/namespaces/default", labels("baseline"));
    const { message } = await cluster.refused(
      "POST",
      PODS,
      pod("p", { securityContext: { privileged: true }, ports: [{ containerPort: 1, hostPort: 80 }] }),
    );
    assert.equal(
      message,
      'pods "p" is forbidden: violates PodSecurity "baseline:latest": hostPort (container "c" uses hostPort 80), privileged (container "c" must not set securityContext.privileged=true)',
    );
    await cluster.send("POST", PODS, pod("plain"));
    await cluster.send("PATCH", "/api/v1/namespaces/default", labels("restricted"));
    assert.match(
      cluster.warnings.join("\n"),
      /existing pods in namespace .default.* violate the new PodSecurity enforce level .*restricted:latest[^]*plain: allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile/,
    );
  });

  test("PodSecurity warns of templates, whose pods it will refuse", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("PATCH", "/api/v1/namespaces/default", labels("restricted"));
    const selector = { matchLabels: { app: "a" } };
    const template = {
      metadata: { labels: { app: "a" } },
      spec: { containers: [{ name: "c", image: "i" }] },
    };
    const path = "/apis/apps/v1/namespaces/default/deployments";
    await cluster.send("POST", path, { metadata: { name: "d" }, spec: { selector, template } });
    assert.match(
      cluster.warnings[0]!,
      /would violate PodSecurity .*restricted:latest.*: allowPrivilegeEscalation/,
    );
  });

  test("PodSecurity refuses labels that are no level", async () => {
    await using cluster = await startAdmissionServer();
    const { code, message } = await cluster.refused("PATCH", "/api/v1/namespaces/default", labels("strict"));
    assert.equal(code, 422);
    assert.match(message, /Invalid value: "strict": must be one of privileged, baseline, restricted$/);
  });
});

suite("NodeRestriction", () => {
  const options = { authorizer: { authorize: () => ({ allowed: true }) } };

  async function withNodes(): Promise<AdmissionServer> {
    const cluster = await startAdmissionServer(options);
    for (const name of ["n1", "n2"]) await cluster.send("POST", "/api/v1/nodes", { metadata: { name } });
    await cluster.send("POST", PODS, pod("mine", {}, { nodeName: "n1" }));
    await cluster.send("POST", PODS, pod("theirs", {}, { nodeName: "n2" }));
    return cluster;
  }

  const cases: readonly (readonly [
    name: string,
    method: "POST" | "PATCH" | "DELETE",
    path: string,
    body: object | undefined,
    expected: RegExp,
  ])[] = [
    [
      "another node",
      "PATCH",
      "/api/v1/nodes/n2",
      labelled("a"),
      /node "n1" is not allowed to modify node "n2"/,
    ],
    [
      "labels of the system",
      "PATCH",
      "/api/v1/nodes/n1",
      labelled("node-role.kubernetes.io/control-plane"),
      /is not allowed to modify labels: node-role\.kubernetes\.io\/control-plane$/,
    ],
    [
      "its taints",
      "PATCH",
      "/api/v1/nodes/n1",
      { spec: { taints: [] } },
      /node "n1" is not allowed to modify taints/,
    ],
    [
      "a pod of another node",
      "DELETE",
      `${PODS}/theirs`,
      undefined,
      /node "n1" can only delete pods with spec\.nodeName set to itself/,
    ],
    [
      "the status of such a pod",
      "PATCH",
      `${PODS}/theirs/status`,
      { status: { message: "x" } },
      /node "n1" can only update pod status for pods with spec\.nodeName set to itself/,
    ],
    ["an ordinary pod", "POST", PODS, pod("new"), /node "n1" can only create mirror pods/],
    [
      "the eviction of such a pod",
      "POST",
      `${PODS}/theirs/eviction`,
      { metadata: { name: "theirs" } },
      /node n1 can only evict pods with spec\.nodeName set to itself/,
    ],
    [
      "a lease elsewhere",
      "POST",
      "/apis/coordination.k8s.io/v1/namespaces/default/leases",
      { metadata: { name: "n1" } },
      /can only access leases in the "kube-node-lease" system namespace/,
    ],
  ];
  test("NodeRestriction refuses what is not the node's own", async () => {
    await using cluster = await withNodes();
    for (const [name, method, path, body, expected] of cases) {
      const { message, code } = await cluster.refused(method, path, body, NODE);
      assert.match(message, expected, name);
      assert.equal(code, 403, name);
    }
    await cluster.send("PATCH", "/api/v1/nodes/n1", labelled("kubernetes.io/arch"), NODE);
    await cluster.send("PATCH", `${PODS}/mine/status`, { status: { message: "x" } }, NODE);
    await cluster.send("DELETE", `${PODS}/mine`, undefined, NODE);
  });
});

test("NodeRestriction gives tokens for pods of the node alone", async () => {
  const issued: string[] = [];
  const tokenIssuer = {
    defaultAudiences: ["api"],
    async issue({ serviceAccount }: { readonly serviceAccount: { readonly name: string } }) {
      issued.push(serviceAccount.name);
      return { token: "t", expiresAt: 0 };
    },
  };
  const asked: string[] = [];
  const authorizer = {
    authorize({ verb, resource, name }: AuthorizationAttributes) {
      if (verb !== "request-serviceaccounts-token-audience") return { allowed: true };
      asked.push(`${resource} ${name}`);
      return { allowed: resource === "granted" };
    },
  };
  await using cluster = await startAdmissionServer({ authorizer, tokenIssuer });
  const accounts = `${CORE}/serviceaccounts`;
  await cluster.send("POST", accounts, { metadata: { name: "a" } });
  const sources = [{ serviceAccountToken: { path: "token" } }];
  const spec = { serviceAccountName: "a", volumes: [{ name: "t", projected: { sources } }] };
  const uids: Record<string, string> = {};
  for (const nodeName of ["n1", "n2"]) {
    const made = await cluster.send("POST", PODS, pod(`on-${nodeName}`, {}, { ...spec, nodeName }));
    uids[nodeName] = made.metadata.uid ?? "";
  }
  const ask = (node: string, uid = uids[node], audiences: readonly string[] = []): object => ({
    spec: { audiences, boundObjectRef: { apiVersion: "v1", kind: "Pod", name: `on-${node}`, uid } },
  });
  const cases: readonly (readonly [body: object, expected: RegExp])[] = [
    [{ spec: {} }, /node requested token not bound to a pod$/],
    [ask("n1", ""), /node requested token with a pod binding without a uid$/],
    [ask("n1", "other"), /the UID in the bound object reference \(other\) does not match/],
    [ask("n2"), /node requested token bound to a pod scheduled on a different node$/],
    [
      ask("n1", uids["n1"], ["vault"]),
      /audience "vault" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience$/,
    ],
    [ask("n1", uids["n1"], ["granted", "vault"]), /node may only request 0 or 1 audiences$/],
  ];
  for (const [body, expected] of cases) {
    assert.match((await cluster.refused("POST", `${accounts}/a/token`, body, NODE)).message, expected);
  }
  assert.deepEqual(issued, []);
  await cluster.send("POST", `${accounts}/a/token`, ask("n1"), NODE);
  assert.deepEqual(
    [issued, asked],
    [["a"], ["vault a"]],
    "the authorizer is not asked for what the pod projects",
  );
  await cluster.send("POST", `${accounts}/a/token`, ask("n1", uids["n1"], ["granted"]), NODE);
  assert.deepEqual(
    [issued, asked],
    [
      ["a", "a"],
      ["vault a", "granted a"],
    ],
  );
});

suite("options and small plugins", () => {
  test("AlwaysPullImages and ExtendedResourceToleration are off until they are wanted", async () => {
    await using plain = await startAdmissionServer();
    await using strict = await startAdmissionServer({
      enabledAdmissionPlugins: ["AlwaysPullImages", "ExtendedResourceToleration"],
    });
    const asking = pod("p", {
      image: "i:1",
      imagePullPolicy: "Never",
      resources: { requests: { "x.io/gpu": "1" }, limits: { "x.io/gpu": "1" } },
    });
    const facts = async ({ send }: AdmissionServer): Promise<readonly unknown[]> => {
      const { spec } = (await send("POST", PODS, asking)) as {
        spec?: { containers: { imagePullPolicy: string }[]; tolerations?: { key: string }[] };
      };
      return [spec!.containers[0]!.imagePullPolicy, spec!.tolerations?.some(({ key }) => key === "x.io/gpu")];
    };
    assert.deepEqual(await facts(plain), ["Never", false]);
    assert.deepEqual(await facts(strict), ["Always", true]);
  });

  test("DefaultIngressClass names the class that is marked", async () => {
    await using cluster = await startAdmissionServer();
    const annotations = { "ingressclass.kubernetes.io/is-default-class": "true" };
    const classes = "/apis/networking.k8s.io/v1/ingressclasses";
    await cluster.send("POST", classes, {
      metadata: { name: "nginx", annotations },
      spec: { controller: "a/b" },
    });
    const ingress = {
      metadata: { name: "i" },
      spec: { defaultBackend: { service: { name: "s", port: { number: 80 } } } },
    };
    const made = await cluster.send(
      "POST",
      "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
      ingress,
    );
    assert.equal((made["spec"] as { ingressClassName: string }).ingressClassName, "nginx");
  });

  test("TaintNodesByCondition: nobody is scheduled to a node before it is known to be ready", async () => {
    await using cluster = await startAdmissionServer();
    const { spec } = await cluster.send("POST", "/api/v1/nodes", { metadata: { name: "n1" } });
    assert.deepEqual(spec, { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }] });
  });

  test("DefaultTolerationSeconds lets a pod stay for five minutes, unless it says how long", async () => {
    await using cluster = await startAdmissionServer();
    const own = { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" };
    const { spec } = await cluster.send("POST", PODS, pod("p", {}, { tolerations: [own] }));
    assert.deepEqual((spec as { tolerations: unknown }).tolerations, [
      own,
      { ...own, key: "node.kubernetes.io/unreachable", tolerationSeconds: 300 },
    ]);
  });

  test("Priority refuses a class that is not there, and numbers that are not the class's", async () => {
    await using cluster = await startAdmissionServer();
    const unknown = await cluster.refused("POST", PODS, pod("p", {}, { priorityClassName: "nope" }));
    assert.deepEqual(
      [unknown.code, unknown.message],
      [403, 'pods "p" is forbidden: no PriorityClass with name nope was found'],
    );
    const other = await cluster.refused("POST", PODS, pod("p", {}, { priority: 7 }));
    assert.equal(
      other.message,
      'pods "p" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
    );
  });

  test("PersistentVolumeClaimResize lets a claim grow only where its class lets it", async () => {
    await using cluster = await startAdmissionServer();
    for (const [name, allowVolumeExpansion] of [
      ["fixed", false],
      ["elastic", true],
    ] as const) {
      const metadata = { name };
      const provisioned = { metadata, provisioner: "a.b/c", allowVolumeExpansion };
      await cluster.send("POST", "/apis/storage.k8s.io/v1/storageclasses", provisioned);
      const spec = {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        storageClassName: name,
        volumeName: "v",
      };
      await cluster.send("POST", `${CORE}/persistentvolumeclaims`, { metadata, spec });
      const bound = { status: { phase: "Bound" } };
      await cluster.send("PATCH", `${CORE}/persistentvolumeclaims/${name}/status`, bound);
    }
    const larger = { spec: { resources: { requests: { storage: "2Gi" } } } };
    const refusal = await cluster.refused("PATCH", `${CORE}/persistentvolumeclaims/fixed`, larger);
    assert.deepEqual(
      [refusal.code, refusal.message],
      [
        403,
        'persistentvolumeclaims "fixed" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      ],
    );
    await cluster.send("PATCH", `${CORE}/persistentvolumeclaims/elastic`, larger);
  });
});
