/** The plugins that are on by default, where several answers are possible: who is chosen, what is refused, in which words. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { FakeClock, systemClock } from "#apimachinery";
import { pod, startAdmissionServer, user, type AdmissionServer, type Answer } from "./admission-server.ts";

const CORE = "/api/v1/namespaces/default";
const PODS = `${CORE}/pods`;
const CLAIMS = `${CORE}/persistentvolumeclaims`;
const CLASSES = "/apis/storage.k8s.io/v1/storageclasses";
const APPLY = "application/apply-patch+yaml";

const specOf = (answer: Answer): Readonly<Record<string, unknown>> =>
  answer["spec"] as Readonly<Record<string, unknown>>;

const claim = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
});

suite("NamespaceLifecycle", () => {
  let cluster: AdmissionServer;
  before(async () => {
    cluster = await startAdmissionServer();
    const metadata = { name: "going" };
    await cluster.send("POST", "/api/v1/namespaces", { metadata, spec: { finalizers: ["kubernetes"] } });
    await cluster.send("POST", "/api/v1/namespaces/going/configmaps", { metadata: { name: "kept" } });
    await cluster.send("DELETE", "/api/v1/namespaces/going");
  });
  after(() => cluster[Symbol.asyncDispose]());

  test("NamespaceLifecycle lets nothing be made where there is no namespace, by any way that makes it", async () => {
    const path = "/api/v1/namespaces/nowhere/configmaps";
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } };
    for (const refused of [
      await cluster.refused("POST", path, body),
      await cluster.refused("POST", `${path}?dryRun=All`, body),
      await cluster.refused("PATCH", `${path}/x?fieldManager=m`, body, undefined, APPLY),
      // of a kind that PUT makes
      await cluster.refused("PUT", "/apis/coordination.k8s.io/v1/namespaces/nowhere/leases/x", {
        metadata: { name: "x" },
      }),
    ])
      assert.deepEqual(
        [refused.code, refused.reason, refused.message],
        [404, "NotFound", 'namespaces "nowhere" not found'],
      );
  });

  test("NamespaceLifecycle lets nothing new into a namespace that goes, and what is there be changed and deleted", async () => {
    const path = "/api/v1/namespaces/going/configmaps";
    const refused = await cluster.refused("POST", path, { metadata: { name: "new" } });
    assert.deepEqual(
      [refused.code, refused.reason, refused.message],
      [
        403,
        "Forbidden",
        'configmaps "new" is forbidden: unable to create new content in namespace going because it is being terminated',
      ],
    );
    assert.deepEqual(refused.details?.causes?.at(-1), {
      reason: "NamespaceTerminating",
      message: "namespace going is being terminated",
      field: "metadata.namespace",
    });
    await cluster.send("PATCH", `${path}/kept`, { data: { a: "b" } });
    await cluster.send("DELETE", `${path}/kept`);
  });

  test("NamespaceLifecycle keeps the namespaces that a cluster needs", async () => {
    for (const name of ["default", "kube-system", "kube-public"]) {
      const { code, message } = await cluster.refused("DELETE", `/api/v1/namespaces/${name}`);
      assert.deepEqual(
        [code, message],
        [403, `namespaces "${name}" is forbidden: this namespace may not be deleted`],
      );
    }
  });

  test("NamespaceLifecycle lets somebody ask for their rights where there is no namespace", async () => {
    const path = "/apis/authorization.k8s.io/v1/namespaces/nowhere/localsubjectaccessreviews";
    const spec = { user: "a", resourceAttributes: { namespace: "nowhere", verb: "get", resource: "pods" } };
    const { status } = (await cluster.send("POST", path, { spec })) as unknown as {
      status: { allowed: boolean };
    };
    assert.equal(status.allowed, false);
  });
});

suite("ServiceAccount", () => {
  let cluster: AdmissionServer;
  before(async () => {
    cluster = await startAdmissionServer({ disabledAdmissionPlugins: [] });
    for (const [name, more] of [
      ["default", { imagePullSecrets: [{ name: "registry" }] }],
      ["quiet", { automountServiceAccountToken: false }],
    ] as const)
      await cluster.send("POST", `${CORE}/serviceaccounts`, { metadata: { name }, ...more });
  });
  after(() => cluster[Symbol.asyncDispose]());

  interface Spec {
    readonly serviceAccountName: string;
    readonly imagePullSecrets?: readonly object[];
    readonly volumes?: readonly { readonly name: string; readonly projected: object }[];
    readonly containers: readonly { readonly volumeMounts?: readonly object[] }[];
    readonly initContainers?: readonly { readonly volumeMounts?: readonly object[] }[];
  }
  const made = async (name: string, spec: object = {}, container: object = {}): Promise<Spec> =>
    specOf(await cluster.send("POST", PODS, pod(name, container, spec))) as unknown as Spec;

  const names = async (name: string, spec: object): Promise<number> =>
    (await made(name, spec)).volumes?.length ?? 0;

  test("ServiceAccount gives the account, its pull secrets, and a token for each container", async () => {
    const spec = await made("plain", { initContainers: [{ name: "i", image: "i" }] });
    assert.equal(spec.serviceAccountName, "default");
    assert.deepEqual(spec.imagePullSecrets, [{ name: "registry" }]);
    const [volume] = spec.volumes ?? [];
    assert.match(volume?.name ?? "", /^kube-api-access-[a-z0-9]{5}$/);
    const fieldRef = { apiVersion: "v1", fieldPath: "metadata.namespace" };
    assert.deepEqual(volume?.projected, {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [{ path: "namespace", fieldRef }] } },
      ],
    });
    const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    for (const { volumeMounts } of [...spec.containers, ...spec.initContainers!])
      assert.deepEqual(volumeMounts, [{ name: volume?.name, readOnly: true, mountPath }]);
  });

  test("ServiceAccount gives no token to whom pod or account deny it; the pod's word counts", async () => {
    assert.equal(await names("quiet", { serviceAccountName: "quiet" }), 0);
    assert.equal(await names("loud", { serviceAccountName: "quiet", automountServiceAccountToken: true }), 1);
    assert.equal(await names("denied", { automountServiceAccountToken: false }), 0);
  });

  test("ServiceAccount leaves mounts of the pod's own where the token would be", async () => {
    const volumeMounts = [{ name: "own", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }];
    const spec = await made("own", { volumes: [{ name: "own", emptyDir: {} }] }, { volumeMounts });
    assert.deepEqual(
      [spec.volumes?.map(({ name }) => name), spec.containers[0]?.volumeMounts],
      [["own"], volumeMounts],
    );
  });

  test("ServiceAccount refuses pods of an account that is not there", async () => {
    const { code, message } = await cluster.refused(
      "POST",
      PODS,
      pod("p", {}, { serviceAccountName: "nobody" }),
    );
    assert.deepEqual(
      [code, message],
      [
        403,
        'pods "p" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
      ],
    );
  });
});

/** A class each second, the last one is the newest. */
async function withClasses(
  path: string,
  annotation: string,
  fields: object,
  names: readonly (readonly [name: string, ageSeconds: number])[],
): Promise<AdmissionServer> {
  const clock = new FakeClock(systemClock.now());
  const cluster = await startAdmissionServer({ clock });
  for (const [name, ageSeconds] of names) {
    clock.advance(ageSeconds * 1_000);
    const metadata = { name, annotations: { [annotation]: name === "no" ? "false" : "true" } };
    await cluster.send("POST", path, { metadata, ...fields });
  }
  return cluster;
}

const volume = (name: string, finalizers?: readonly string[]): object => ({
  metadata: { name, finalizers },
  spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } },
});

suite("defaults of the cluster", () => {
  const isDefault = "storageclass.kubernetes.io/is-default-class";

  test("DefaultStorageClass takes the newest of several defaults, and of those of one second the first by name", async () => {
    const classes = [
      ["old", 1],
      ["b", 1],
      ["a", 0],
      ["no", 1],
    ] as const;
    await using cluster = await withClasses(CLASSES, isDefault, { provisioner: "p" }, classes);
    assert.equal(specOf(await cluster.send("POST", CLAIMS, claim("c")))["storageClassName"], "a");
    const none = await cluster.send("POST", CLAIMS, claim("none", { storageClassName: "" }));
    assert.equal(specOf(none)["storageClassName"], "");
  });

  test("DefaultStorageClass leaves a claim without a class where there is no default", async () => {
    await using cluster = await withClasses(CLASSES, isDefault, { provisioner: "p" }, [["no", 1]]);
    assert.equal(specOf(await cluster.send("POST", CLAIMS, claim("c")))["storageClassName"], undefined);
  });

  test("DefaultIngressClass takes the newest of several defaults, and none where the class is named", async () => {
    const path = "/apis/networking.k8s.io/v1/ingressclasses";
    const annotation = "ingressclass.kubernetes.io/is-default-class";
    const classes = [
      ["old", 1],
      ["b", 1],
      ["a", 0],
      ["no", 1],
    ] as const;
    await using cluster = await withClasses(path, annotation, { spec: { controller: "a/b" } }, classes);
    const ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    const defaultBackend = { service: { name: "s", port: { number: 80 } } };
    const named = async (metadata: object, spec: object = {}): Promise<unknown> =>
      specOf(await cluster.send("POST", ingresses, { metadata, spec: { defaultBackend, ...spec } }))[
        "ingressClassName"
      ];
    assert.equal(await named({ name: "i" }), "a");
    assert.equal(await named({ name: "j" }, { ingressClassName: "old" }), "old");
    assert.equal(await named({ name: "k", annotations: { "kubernetes.io/ingress.class": "x" } }), undefined);
  });

  test("Priority gives what the class says, the global default to those without, and refuses a second one", async () => {
    await using cluster = await startAdmissionServer();
    const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    const post = (name: string, more: object): Promise<unknown> =>
      cluster.send("POST", classes, { metadata: { name }, ...more });
    await post("high", { value: 1000, preemptionPolicy: "Never" });
    await post("usual", { value: 7, globalDefault: true });
    const shown = async (name: string, spec: object): Promise<readonly unknown[]> => {
      const { priority, priorityClassName, preemptionPolicy } = specOf(
        await cluster.send("POST", PODS, pod(name, {}, spec)),
      );
      return [priority, priorityClassName, preemptionPolicy];
    };
    assert.deepEqual(await shown("a", { priorityClassName: "high" }), [1000, "high", "Never"]);
    assert.deepEqual(await shown("b", {}), [7, "usual", "PreemptLowerPriority"]);
    assert.deepEqual(await shown("c", { priorityClassName: "system-node-critical" }), [
      2_000_001_000,
      "system-node-critical",
      "PreemptLowerPriority",
    ]);
    const second = { metadata: { name: "second" }, value: 8, globalDefault: true };
    const { code, message } = await cluster.refused("POST", classes, second);
    assert.deepEqual(
      [code, message],
      [
        403,
        'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
      ],
    );
    const policy = await cluster.refused(
      "POST",
      PODS,
      pod("d", {}, { priorityClassName: "high", preemptionPolicy: "PreemptLowerPriority" }),
    );
    assert.match(
      policy.message,
      /the string value of PreemptionPolicy \(PreemptLowerPriority\) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name$/,
    );
  });

  test("StorageObjectInUseProtection marks claims, volumes and classes of attributes, once", async () => {
    await using cluster = await startAdmissionServer();
    const marks = async (path: string, body: object): Promise<unknown> =>
      (await cluster.send("POST", path, body)).metadata.finalizers;
    assert.deepEqual(await marks(CLAIMS, claim("c")), ["kubernetes.io/pvc-protection"]);
    const volumes = "/api/v1/persistentvolumes";
    const own = ["example.com/a", "kubernetes.io/pv-protection"];
    assert.deepEqual(await marks(volumes, volume("v")), ["kubernetes.io/pv-protection"]);
    assert.deepEqual(await marks(volumes, volume("w", own)), own);
    const attributes = { metadata: { name: "gold" }, driverName: "d.example.com", parameters: { a: "b" } };
    const classes = "/apis/storage.k8s.io/v1/volumeattributesclasses";
    assert.deepEqual(await marks(classes, attributes), ["kubernetes.io/vac-protection"]);
  });
});

const mutation = (expression: string): object => ({
  mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
});

const missing = (parameterNotFoundAction: string): object => ({
  paramRef: { name: "nowhere", namespace: "default", parameterNotFoundAction },
});

suite("MutatingAdmissionPolicy", () => {
  const GROUP = "/apis/admissionregistration.k8s.io/v1";
  const CONFIG_MAPS = `${CORE}/configmaps`;
  let cluster: AdmissionServer;
  before(async () => {
    cluster = await startAdmissionServer();
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["*"] }];
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    const apiGroup = "rbac.authorization.k8s.io";
    await cluster.send("POST", `${rbac}/clusterroles`, { metadata: { name: "ed" }, rules });
    await cluster.send("POST", `${rbac}/clusterrolebindings`, {
      metadata: { name: "ed" },
      roleRef: { apiGroup, kind: "ClusterRole", name: "ed" },
      subjects: [{ apiGroup, kind: "User", name: "ed" }],
    });
    for (const [name, zone] of [
      ["east", "e"],
      ["west", "w"],
    ] as const)
      await cluster.send("POST", CONFIG_MAPS, {
        metadata: { name, labels: { zones: "yes" } },
        data: { zone },
      });
  });
  after(() => cluster[Symbol.asyncDispose]());

  async function withPolicy(spec: object, binding: object, run: () => Promise<void>): Promise<void> {
    const resourceRules = [
      { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] },
    ];
    const matchConstraints = { resourceRules };
    await cluster.send("POST", `${GROUP}/mutatingadmissionpolicies`, {
      metadata: { name: "m" },
      spec: { matchConstraints, reinvocationPolicy: "Never", ...spec },
    });
    await cluster.send("POST", `${GROUP}/mutatingadmissionpolicybindings`, {
      metadata: { name: "m" },
      spec: { policyName: "m", ...binding },
    });
    try {
      await run();
    } finally {
      await cluster.send("DELETE", `${GROUP}/mutatingadmissionpolicybindings/m`);
      await cluster.send("DELETE", `${GROUP}/mutatingadmissionpolicies/m`);
    }
  }
  const create = (name: string, who?: ReturnType<typeof user>): Promise<Answer> =>
    cluster.send("POST", CONFIG_MAPS, { metadata: { name }, data: { own: "x" } }, who);

  test("MutatingAdmissionPolicy reads parameters by name and by selector, each in its turn", async () => {
    const paramKind = { apiVersion: "v1", kind: "ConfigMap" };
    const spec = { paramKind, ...mutation("Object{data: {string(params.data.zone): 'yes'}}") };
    const named = { paramRef: { name: "east", namespace: "default", parameterNotFoundAction: "Deny" } };
    await withPolicy(spec, named, async () => {
      assert.deepEqual((await create("p1"))["data"], { own: "x", e: "yes" });
    });
    const selector = { matchLabels: { zones: "yes" } };
    await withPolicy(spec, { paramRef: { selector, parameterNotFoundAction: "Deny" } }, async () => {
      assert.deepEqual((await create("p2"))["data"], { own: "x", e: "yes", w: "yes" });
    });
  });

  test("MutatingAdmissionPolicy refuses or lets be what has no parameters, as its binding says", async () => {
    const paramKind = { apiVersion: "v1", kind: "ConfigMap" };
    const spec = { paramKind, ...mutation("Object{data: {'zone': string(params.data.zone)}}") };
    await withPolicy(spec, missing("Allow"), async () => {
      assert.deepEqual((await create("q1"))["data"], { own: "x" });
    });
    await withPolicy(spec, missing("Deny"), async () => {
      const { code, message } = await cluster.refused("POST", CONFIG_MAPS, { metadata: { name: "q2" } });
      assert.equal(code, 403);
      assert.match(message, /no params found for policy binding with `Deny` parameterNotFoundAction$/);
    });
    await withPolicy({ ...spec, failurePolicy: "Ignore" }, missing("Deny"), async () => {
      assert.deepEqual((await create("q3"))["data"], { own: "x" });
    });
  });

  test("MutatingAdmissionPolicy asks the authorizer about the sender, and sees who that is", async () => {
    const may = "authorizer.group('').resource('secrets').namespace('default').check('list').allowed()";
    const variables = [{ name: "may", expression: may }];
    const spec = {
      variables,
      ...mutation("Object{data: {'may': variables.may ? 'yes' : 'no', 'who': request.userInfo.username}}"),
    };
    await withPolicy(spec, {}, async () => {
      assert.deepEqual((await create("r1", user("ed")))["data"], { own: "x", may: "no", who: "ed" });
      const root = user("root", "system:masters");
      assert.deepEqual((await create("r2", root))["data"], { own: "x", may: "yes", who: "root" });
    });
  });
});
