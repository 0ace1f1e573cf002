/** The optional admission plugins, and what the configuration file of admission may say. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { FakeClock, systemClock, type Clock, type StatusError } from "#apimachinery";
import { openAdmissionOptions, type ApiServerOptions } from "#apiserver";
import { pod, startAdmissionServer, user, type AdmissionServer } from "./admission-server.ts";

const CORE = "/api/v1/namespaces/default";
const PODS = `${CORE}/pods`;
const world = { clock: systemClock, random: Math.random };
/** Where no bucket is filled again, however long a test takes. */
const frozen = { ...world, clock: new FakeClock(systemClock.now()) };

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-admission-"));
});
after(() => rm(folder, { recursive: true }));

/** What the flags and a file of this text make. */
async function options(
  enable: readonly string[],
  text?: string,
  disable: readonly string[] = [],
  using: { readonly clock: Clock; readonly random: () => number } = world,
): Promise<Partial<ApiServerOptions>> {
  const configFile = text === undefined ? undefined : join(folder, `${crypto.randomUUID()}.yaml`);
  if (configFile !== undefined) await writeFile(configFile, text!);
  return openAdmissionOptions({ enable, disable: ["ServiceAccount", ...disable], configFile }, using);
}

function configuration(plugin: string, document: string): string {
  const indented = document.trim().replaceAll("\n", "\n      ");
  return `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: ${plugin}
    configuration:
      ${indented}
`;
}

async function start(...given: Parameters<typeof options>): Promise<AdmissionServer> {
  return startAdmissionServer(await options(...given));
}

const apart = (topologyKey: string): object => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: {} }],
    },
  },
});

const service = (...externalIPs: string[]): object => ({
  metadata: { name: "s" },
  spec: { ports: [{ port: 80 }], externalIPs },
});

const owned = (name: string, blockOwnerDeletion: boolean): object => ({
  metadata: {
    name,
    ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u", blockOwnerDeletion }],
  },
});

const event = (i: number): object => ({
  metadata: { name: `e${i}` },
  involvedObject: { kind: "Pod", namespace: "default", name: "p" },
  reason: "R",
});

const claim = (name: string, annotations: object): object => ({
  metadata: { name, annotations },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
});

const resized = (cpu: string): object => ({
  spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }] },
});

suite("admission plugins that are options", () => {
  test("none of them is on by default", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", `${CORE}/services`, {
      metadata: { name: "s" },
      spec: { ports: [{ port: 80 }], externalIPs: ["192.0.2.1"] },
    });
    await cluster.refused("POST", "/api/v1/namespaces/none/configmaps", { metadata: { name: "c" } });
  });

  test("AlwaysDeny refuses every write, and the server starts all the same", async () => {
    await using cluster = await start(["AlwaysDeny", "AlwaysAdmit"]);
    const { message } = await cluster.refused("POST", `${CORE}/configmaps`, { metadata: { name: "c" } });
    assert.equal(message, 'configmaps "c" is forbidden: admission control is denying all modifications');
    await cluster.send("GET", "/api/v1/namespaces/default");
  });

  test("NamespaceAutoProvision creates the namespace, but not for a dry run", async () => {
    await using cluster = await start(["NamespaceAutoProvision"]);
    await cluster.refused("POST", "/api/v1/namespaces/new/configmaps?dryRun=All", {
      metadata: { name: "c" },
    });
    await cluster.send("POST", "/api/v1/namespaces/new/configmaps", { metadata: { name: "c" } });
    await cluster.send("GET", "/api/v1/namespaces/new");
  });

  test("NamespaceExists wants the namespace where NamespaceLifecycle is off", async () => {
    await using cluster = await start(["NamespaceExists"], undefined, ["NamespaceLifecycle"]);
    const refusal = await cluster.refused("POST", "/api/v1/namespaces/none/configmaps", {
      metadata: { name: "c" },
    });
    assert.equal(refusal.message, 'namespaces "none" not found');
  });

  test("LimitPodHardAntiAffinityTopology allows the node alone", async () => {
    await using cluster = await start(["LimitPodHardAntiAffinityTopology"]);
    await cluster.send("POST", PODS, pod("a", {}, apart("kubernetes.io/hostname")));
    const { message } = await cluster.refused("POST", PODS, pod("b", {}, apart("zone")));
    assert.equal(
      message,
      'pods "b" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
    );
  });

  test("DenyServiceExternalIPs refuses new ones and leaves old ones", async () => {
    await using cluster = await start(["DenyServiceExternalIPs"]);
    const { message } = await cluster.refused("POST", `${CORE}/services`, service("192.0.2.1"));
    assert.equal(message, 'services "s" is forbidden: Use of external IPs is denied by admission control');
    await cluster.send("POST", `${CORE}/services`, service());
    await cluster.refused("PATCH", `${CORE}/services/s`, { spec: { externalIPs: ["192.0.2.1"] } });
  });

  test("OwnerReferencesPermissionEnforcement asks for the right to delete and to set finalizers", async () => {
    await using cluster = await start(["OwnerReferencesPermissionEnforcement"]);
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["create", "patch", "get"] }];
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    await cluster.send("POST", `${rbac}/clusterroles`, { metadata: { name: "r" }, rules });
    await cluster.send("POST", `${rbac}/clusterrolebindings`, {
      metadata: { name: "r" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "r" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "ann" }],
    });
    const ann = user("ann");
    await cluster.send("POST", `${CORE}/configmaps`, owned("a", false), ann);
    const blocking = await cluster.refused("POST", `${CORE}/configmaps`, owned("b", true), ann);
    assert.match(
      blocking.message,
      /^configmaps "b" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>$/,
    );
    const path = `${CORE}/configmaps/a`;
    const taking = await cluster.refused("PATCH", path, { metadata: { ownerReferences: [] } }, ann);
    assert.match(taking.message, /cannot set an ownerRef on a resource you can't delete: , <nil>$/);
    await cluster.send("PATCH", path, { data: { a: "1" } }, ann);
    await cluster.send("POST", `${CORE}/configmaps`, owned("c", true));
  });

  test("PodNodeSelector merges the namespace's selector and refuses others", async () => {
    const text = `
podNodeSelectorPluginConfig:
  clusterDefaultNodeSelector: zone=a
  default: zone=a,disk=ssd`;
    await using cluster = await start(["PodNodeSelector"], text);
    const made = await cluster.send("POST", PODS, pod("a", {}, { nodeSelector: { disk: "ssd" } }));
    assert.deepEqual((made["spec"] as { nodeSelector: object }).nodeSelector, { zone: "a", disk: "ssd" });
    const conflict = await cluster.refused("POST", PODS, pod("b", {}, { nodeSelector: { zone: "b" } }));
    assert.equal(
      conflict.message,
      'pods "b" is forbidden: pod node label selector conflicts with its namespace node label selector',
    );
    const other = await cluster.refused("POST", PODS, pod("c", {}, { nodeSelector: { gpu: "yes" } }));
    assert.equal(
      other.message,
      'pods "c" is forbidden: pod node label selector labels conflict with its namespace whitelist',
    );
  });

  test("PodTolerationRestriction gives the namespace's tolerations and refuses others", async () => {
    const text = configuration(
      "PodTolerationRestriction",
      `
apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1
kind: Configuration
default: [{key: team, operator: Equal, value: a}]
whitelist: [{key: team, operator: Exists}, {key: node.kubernetes.io/memory-pressure, operator: Exists}]`,
    );
    await using cluster = await start(["PodTolerationRestriction"], text, ["DefaultTolerationSeconds"]);
    const made = await cluster.send("POST", PODS, pod("a", { resources: { requests: { cpu: "1" } } }));
    assert.deepEqual((made["spec"] as { tolerations: object }).tolerations, [
      { key: "team", operator: "Equal", value: "a" },
      { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
    ]);
    const wide = pod("b", {}, { tolerations: [{ operator: "Exists" }] });
    const { message, code } = await cluster.refused("POST", PODS, wide);
    assert.deepEqual(
      [message, code],
      [
        "pod tolerations (possibly merged with namespace default tolerations) conflict with its cluster whitelist",
        500,
      ],
    );
    await cluster.send("PATCH", "/api/v1/namespaces/default", {
      metadata: { annotations: { "scheduler.alpha.kubernetes.io/tolerationsWhitelist": "" } },
    });
    await cluster.send("POST", PODS, wide);
  });

  test("EventRateLimit refuses events beyond the burst of a namespace", async () => {
    const text = configuration(
      "EventRateLimit",
      `
apiVersion: eventratelimit.admission.k8s.io/v1alpha1
kind: Configuration
limits: [{type: Namespace, qps: 1, burst: 3}]`,
    );
    await using cluster = await start(["EventRateLimit"], text, [], frozen);
    for (let i = 0; i < 3; i++) await cluster.send("POST", `${CORE}/events`, event(i));
    const { code, message } = await cluster.refused("POST", `${CORE}/events`, event(3));
    assert.deepEqual([code, message], [429, "limit reached on type Namespace for key default"]);
    await cluster.send("POST", "/api/v1/namespaces/kube-system/events", {
      metadata: { name: "e" },
      involvedObject: { kind: "Pod", namespace: "kube-system", name: "p" },
    });
  });

  for (const [type, key, spared, message] of [
    ["Server", "", undefined, "limit reached on type Server for key "],
    ["User", "ann", user("ben", "system:masters"), "limit reached on type User for key ann"],
    ["SourceAndObject", "", undefined, "limit reached on type SourceAndObject for key Poddefaultp"],
  ] as const)
    test(`EventRateLimit of the type ${type} counts ${key === "" ? "no users" : "each user"}`, async () => {
      const text = configuration(
        "EventRateLimit",
        `
apiVersion: eventratelimit.admission.k8s.io/v1alpha1
kind: Configuration
limits: [{type: ${type}, qps: 1, burst: 2}]`,
      );
      await using cluster = await start(["EventRateLimit"], text, [], frozen);
      const ann = user("ann", "system:masters");
      // what the server itself tells of while it starts counts for the whole server, too
      const answers: (StatusError | undefined)[] = [];
      for (let i = 0; i < 4; i++)
        answers.push(
          await cluster.send("POST", `${CORE}/events`, event(i), ann).then(
            () => undefined,
            (err: StatusError) => err,
          ),
        );
      const refused = answers.find((err) => err !== undefined);
      assert.deepEqual([refused?.code, refused?.message], [429, message]);
      if (spared !== undefined) await cluster.send("POST", `${CORE}/events`, event(9), spared);
      const other = { ...event(8), involvedObject: { kind: "Pod", namespace: "default", name: "q" } };
      if (type === "SourceAndObject") await cluster.send("POST", `${CORE}/events`, other, ann);
      else await cluster.refused("POST", `${CORE}/events`, other, ann);
    });

  test("ResourceQuota limits what is used without a quota that covers it", async () => {
    const text = configuration(
      "ResourceQuota",
      `
apiVersion: apiserver.config.k8s.io/v1
kind: ResourceQuotaConfiguration
limitedResources:
  - {resource: pods, matchContains: [requests.cpu]}
  - {resource: pods, matchScopes: [{scopeName: PriorityClass, operator: In, values: [system-cluster-critical]}]}`,
    );
    await using cluster = await start([], text);
    const busy = { resources: { requests: { cpu: "1" } } };
    await cluster.send("POST", PODS, pod("idle"));
    const { message } = await cluster.refused("POST", PODS, pod("busy", busy));
    assert.equal(message, 'pods "busy" is forbidden: insufficient quota to consume: requests.cpu');
    const critical = pod("critical", {}, { priorityClassName: "system-cluster-critical" });
    const scope = await cluster.refused("POST", PODS, critical);
    assert.equal(
      scope.message,
      "insufficient quota to match these scopes: [{PriorityClass In [system-cluster-critical]}]",
    );
  });

  test("PodSecurity has defaults for namespaces without labels, and exempts", async () => {
    const text = configuration(
      "PodSecurity",
      `
apiVersion: pod-security.admission.config.k8s.io/v1
kind: PodSecurityConfiguration
defaults: {enforce: baseline, warn: restricted, warn-version: v1.30}
exemptions: {usernames: [boss], namespaces: [kube-system], runtimeClasses: [vm]}`,
    );
    await using cluster = await start([], text);
    const privileged = pod("a", { securityContext: { privileged: true } });
    const { message } = await cluster.refused("POST", PODS, privileged);
    assert.match(message, /^pods "a" is forbidden: violates PodSecurity "baseline:latest": privileged /);
    await cluster.send("POST", PODS, pod("plain"));
    assert.match(cluster.warnings.join(), /would violate PodSecurity "restricted:v1.30"/);
    await cluster.send("POST", "/api/v1/namespaces/kube-system/pods", privileged);
    cluster.warnings.length = 0;
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await cluster.send("PATCH", "/api/v1/namespaces/kube-system", { metadata: { labels } });
    assert.match(
      cluster.warnings.join(),
      /namespace "kube-system" is exempt from Pod Security, and the policy \(enforce=restricted:latest\) will be ignored/,
    );
    const metrics = await cluster.server
      .transport()
      .request({ method: "GET", path: "/metrics" }, new AbortController().signal);
    assert.match(
      String(metrics.body),
      /pod_security_evaluations_total\{decision="deny",mode="enforce",policy_level="baseline",policy_version="latest",request_operation="create",resource="pod",subresource=""\} 1/,
    );
    assert.match(String(metrics.body), /pod_security_exemptions_total\{.*resource="pod".*\} 1/);
  });
});

suite("what the default plugins say", () => {
  test("PodTopologyLabels copies zone and region of the node, and PodResizeValidator knows its size", async () => {
    await using cluster = await startAdmissionServer();
    const labels = { "topology.kubernetes.io/zone": "z", other: "no" };
    await cluster.send("POST", "/api/v1/nodes", { metadata: { name: "n", labels } });
    const status = { allocatable: { cpu: "2", memory: "1Gi" } };
    await cluster.send("PATCH", "/api/v1/nodes/n/status", { status });
    await cluster.send("POST", PODS, pod("p", { resources: { requests: { cpu: "1" } } }));
    const target = { kind: "Node", name: "n" };
    await cluster.send("POST", `${PODS}/p/binding`, { metadata: { name: "p" }, target });
    const bound = await cluster.send("GET", `${PODS}/p`);
    assert.deepEqual(bound.metadata.labels, { "topology.kubernetes.io/zone": "z" });
    await cluster.send("PATCH", `${PODS}/p/resize`, resized("2"));
    const { message, details } = await cluster.refused("PATCH", `${PODS}/p/resize`, resized("3"));
    assert.equal(
      message,
      'pods "p" is forbidden: node didn\'t have enough allocatable resources: cpu, requested: 3000, allocatable: 2000',
    );
    assert.equal(details?.causes?.[0]?.reason, "NodeCapacity");
  });

  test("RuntimeClass gives overhead, selector and tolerations, and refuses what contradicts it", async () => {
    await using cluster = await startAdmissionServer();
    const toleration = { key: "vm", operator: "Exists" };
    await cluster.send("POST", "/apis/node.k8s.io/v1/runtimeclasses", {
      metadata: { name: "vm" },
      handler: "vm",
      overhead: { podFixed: { cpu: "1" } },
      scheduling: { nodeSelector: { vm: "yes" }, tolerations: [toleration] },
    });
    const runtimeClassName = "vm";
    const own = { runtimeClassName, tolerations: [toleration], overhead: { cpu: "1000m" } };
    const { spec } = (await cluster.send("POST", PODS, pod("a", {}, own))) as unknown as {
      spec: { tolerations: object[]; nodeSelector: object };
    };
    assert.deepEqual(spec.nodeSelector, { vm: "yes" });
    assert.deepEqual(spec.tolerations[0], toleration);
    assert.equal(spec.tolerations.length, 3);
    const refusals = [
      [{ runtimeClassName: "none" }, 'pod rejected: RuntimeClass "none" not found'],
      [
        { runtimeClassName, overhead: { cpu: "2" } },
        "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
      ],
      [
        { overhead: { cpu: "2" } },
        "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
      ],
      [
        { runtimeClassName, nodeSelector: { vm: "no" } },
        "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no",
      ],
    ] as const;
    for (const [more, why] of refusals) {
      const { message } = await cluster.refused("POST", PODS, pod("b", {}, more));
      assert.equal(message, `pods "b" is forbidden: ${why}`);
    }
  });

  test("DefaultStorageClass leaves claims alone that name a class in the annotation of old", async () => {
    await using cluster = await startAdmissionServer();
    await cluster.send("POST", "/apis/storage.k8s.io/v1/storageclasses", {
      metadata: { name: "d", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "p",
    });
    const path = `${CORE}/persistentvolumeclaims`;
    const given = await cluster.send("POST", path, claim("a", {}));
    assert.equal((given["spec"] as { storageClassName?: string }).storageClassName, "d");
    const old = { "volume.beta.kubernetes.io/storage-class": "mine" };
    const kept = await cluster.send("POST", path, claim("b", old));
    assert.equal((kept["spec"] as { storageClassName?: string }).storageClassName, undefined);
  });
});

suite("openAdmissionOptions()", () => {
  const refusals: readonly (readonly [what: string, make: () => Promise<unknown>, message: RegExp])[] = [
    ["an unknown name", () => options(["X"]), /^enable-admission-plugins plugin "X" is unknown$/],
    [
      "a name in both lists",
      () => options(["NodeRestriction"], undefined, ["NodeRestriction"]),
      /^\[NodeRestriction\] in enable-admission-plugins and disable-admission-plugins overlapped$/,
    ],
    [
      "a plugin that needs a configuration",
      () => options(["EventRateLimit"]),
      /couldn't init admission plugin "EventRateLimit": no config specified/,
    ],
    [
      "an unknown field",
      () => options([], "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nx: 1"),
      /unknown field "x"/,
    ],
    [
      "a level that is none",
      () =>
        options(
          [],
          configuration(
            "PodSecurity",
            "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\ndefaults: {audit: strict, warn-version: '1'}\nexemptions: {usernames: ['']}",
          ),
        ),
      /couldn't init admission plugin "PodSecurity": .*defaults\.warn-version: Invalid value: "1": must be "latest" or "v1\.x"; defaults\.audit: Invalid value: "strict": must be one of privileged, baseline, restricted; exemptions\.usernames\[0\]: Invalid value: "": username must not be empty$/,
    ],
    [
      "a rate that is none",
      () =>
        options(
          ["EventRateLimit"],
          configuration(
            "EventRateLimit",
            "apiVersion: eventratelimit.admission.k8s.io/v1alpha1\nkind: Configuration\nlimits: [{type: Server, qps: 0, burst: 1}]",
          ),
        ),
      /limits\[0\]\.qps: Invalid value: 0: must be positive/,
    ],
    [
      "a relative kubeconfig of webhooks",
      () =>
        options(
          [],
          configuration(
            "MutatingAdmissionWebhook",
            "apiVersion: apiserver.config.k8s.io/v1\nkind: WebhookAdmissionConfiguration\nkubeConfigFile: here",
          ),
        ),
      /kubeConfigFile: Invalid value: "here": must be an absolute file path/,
    ],
  ];
  for (const [what, make, message] of refusals) {
    test(`openAdmissionOptions() refuses ${what}`, () => assert.rejects(make(), { message }));
  }

  test("openAdmissionOptions() says which file is not there", async () => {
    const flags = { enable: [], disable: [], configFile: "/nonexistent.yaml" };
    await assert.rejects(openAdmissionOptions(flags, world), {
      message: /^unable to read admission control configuration from "\/nonexistent\.yaml" \[ENOENT/,
    });
  });
});
