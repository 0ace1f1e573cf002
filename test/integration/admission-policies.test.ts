/** Validating and mutating admission policies, asked by requests. @module */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { StatusError } from "#apimachinery";
import { pod, startAdmissionServer, user, type AdmissionServer } from "./admission-server.ts";

const GROUP = "/apis/admissionregistration.k8s.io/v1";
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

let server: AdmissionServer;
before(async () => {
  server = await startAdmissionServer();
});
after(() => server[Symbol.asyncDispose]());

const rules = (resources: readonly string[], group = "", operations = ["CREATE", "UPDATE"]): object => ({
  matchConstraints: {
    resourceRules: [{ apiGroups: [group], apiVersions: ["*"], operations, resources }],
  },
});

/** A policy and its binding, of which `only` names what has the label. */
async function withPolicy(
  kind: "Validating" | "Mutating",
  name: string,
  spec: object,
  binding: object,
  run: () => Promise<void>,
): Promise<void> {
  const paths = [
    `${GROUP}/${kind.toLowerCase()}admissionpolicies`,
    `${GROUP}/${kind.toLowerCase()}admissionpolicybindings`,
  ];
  await server.send("POST", paths[0]!, { metadata: { name }, spec });
  await server.send("POST", paths[1]!, {
    metadata: { name: `${name}-b` },
    spec: { policyName: name, ...binding },
  });
  try {
    await run();
  } finally {
    await server.send("DELETE", `${paths[1]}/${name}-b`);
    await server.send("DELETE", `${paths[0]}/${name}`);
  }
}

const validating = (name: string, spec: object, binding: object, run: () => Promise<void>): Promise<void> =>
  withPolicy("Validating", name, spec, { validationActions: ["Deny"], ...binding }, run);

const mutating = (
  name: string,
  spec: object,
  run: () => Promise<void>,
  binding: object = {},
): Promise<void> => withPolicy("Mutating", name, { reinvocationPolicy: "Never", ...spec }, binding, run);

const configMap = (name: string, data: object = {}, labels: object = {}): object => ({
  metadata: { name, labels },
  data,
});

const target = (name: string): object => ({ metadata: { name: "bound" }, target: { kind: "Node", name } });

suite("ValidatingAdmissionPolicy", () => {
  test("ValidatingAdmissionPolicy denies with the message, reason and code that it names", async () => {
    const spec = {
      ...rules(["configmaps"]),
      variables: [
        { name: "size", expression: "has(object.data) ? object.data.size() : 0" },
        { name: "isBig", expression: "variables.size > 1" },
      ],
      validations: [
        {
          expression: "!variables.isBig",
          messageExpression: "'holds ' + string(variables.size) + ' entries'",
          reason: "Forbidden",
        },
        { expression: "object.metadata.name != 'bad'", message: "no bad names" },
      ],
    };
    await validating("sizes", spec, {}, async () => {
      await server.send("POST", CONFIG_MAPS, configMap("small", { a: "1" }));
      const big = await server.refused("POST", CONFIG_MAPS, configMap("big", { a: "1", b: "2" }));
      const why = "ValidatingAdmissionPolicy 'sizes' with binding 'sizes-b' denied request: holds 2 entries";
      assert.deepEqual(
        [big.code, big.reason, big.message],
        [403, "Forbidden", `configmaps "big" is forbidden: ${why}`],
      );
      assert.equal(big.details?.causes?.at(-1)?.message, why);
      const bad = await server.refused("POST", CONFIG_MAPS, configMap("bad"));
      assert.deepEqual([bad.code, bad.reason], [422, "Invalid"]);
      assert.match(bad.message, /denied request: no bad names$/);
      await server.refused("PATCH", `${CONFIG_MAPS}/small`, { data: { b: "2" } });
    });
    await server.send("POST", CONFIG_MAPS, configMap("bad"));
  });

  test("ValidatingAdmissionPolicy warns, and says what failed when there is no message", async () => {
    const spec = { ...rules(["configmaps"]), validations: [{ expression: "object.metadata.name == 'x'" }] };
    await validating("warns", spec, { validationActions: ["Warn", "Audit"] }, async () => {
      server.warnings.length = 0;
      await server.send("POST", CONFIG_MAPS, configMap("warned"));
      assert.match(
        server.warnings.join(),
        /Validation failed for ValidatingAdmissionPolicy 'warns' with binding 'warns-b': failed expression: object\.metadata\.name == 'x'/,
      );
    });
  });

  test("ValidatingAdmissionPolicy takes parameters by name and by selector, for one namespace", async () => {
    const spec = {
      ...rules(["deployments"], "apps"),
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      validations: [
        {
          expression: "object.spec.replicas <= int(params.data.max)",
          messageExpression: "'at most ' + params.data.max",
        },
      ],
    };
    const byName = { paramRef: { name: "limits", parameterNotFoundAction: "Deny" } };
    await validating("replicas", spec, byName, async () => {
      const missing = await server.refused("POST", DEPLOYMENTS, deployment("d1", 5));
      assert.match(
        missing.message,
        /failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
      );
      await server.send("POST", CONFIG_MAPS, configMap("limits", { max: "3" }));
      const many = await server.refused("POST", DEPLOYMENTS, deployment("d1", 5));
      assert.match(many.message, /denied request: at most 3$/);
      await server.send("POST", DEPLOYMENTS, deployment("d1", 3));
    });
    const bySelector = {
      paramRef: {
        selector: { matchLabels: { role: "limit" } },
        namespace: "default",
        parameterNotFoundAction: "Allow",
      },
    };
    await validating("replicas", spec, bySelector, async () => {
      await server.send("POST", DEPLOYMENTS, deployment("d2", 9));
      await server.send("POST", CONFIG_MAPS, configMap("one", { max: "7" }, { role: "limit" }));
      await server.send("POST", CONFIG_MAPS, configMap("two", { max: "5" }, { role: "limit" }));
      const many = await server.refused("POST", DEPLOYMENTS, deployment("d3", 6));
      assert.match(many.message, /at most 5$/);
    });
  });

  test("ValidatingAdmissionPolicy is narrowed by its binding, its conditions and its exclusions", async () => {
    const spec = {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [""],
            apiVersions: ["v1"],
            operations: ["CREATE"],
            resources: ["configmaps", "secrets"],
          },
        ],
        excludeResourceRules: [
          { apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["secrets"] },
        ],
      },
      matchConditions: [
        { name: "not-skipped", expression: "!('skip' in object.metadata.?labels.orValue({}))" },
      ],
      validations: [{ expression: "false" }],
    };
    const binding = { matchResources: { objectSelector: { matchLabels: { judge: "me" } } } };
    await validating("narrow", spec, binding, async () => {
      await server.send("POST", CONFIG_MAPS, configMap("n1"));
      await server.refused("POST", CONFIG_MAPS, configMap("n2", {}, { judge: "me" }));
      await server.send("POST", CONFIG_MAPS, configMap("n3", {}, { judge: "me", skip: "" }));
      await server.send("POST", "/api/v1/namespaces/default/secrets", configMap("n4", {}, { judge: "me" }));
    });
  });

  test("ValidatingAdmissionPolicy asks the authorizer, and sees the request and the namespace", async () => {
    const spec = {
      ...rules(["configmaps"]),
      validations: [
        {
          expression: "authorizer.group('').resource('secrets').namespace('default').check('list').allowed()",
          message: "only who may list secrets",
        },
        { expression: "authorizer.requestResource.check('create').allowed()" },
        {
          expression:
            "!authorizer.serviceAccount('default', 'default').path('/healthz').check('delete').allowed()",
        },
        {
          expression:
            "namespaceObject.metadata.name == 'default' && request.operation == 'CREATE' && request.userInfo.username != ''",
        },
        { expression: "request.options.kind == 'CreateOptions' && oldObject == null" },
      ],
    };
    const editor = user("editor");
    await server.send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {
      metadata: { name: "editor" },
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["*"] }],
    });
    await server.send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
      metadata: { name: "editor" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "editor" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "editor" }],
    });
    await validating("asks", spec, {}, async () => {
      await server.send("POST", CONFIG_MAPS, configMap("a1"));
      const refused = await server.refused("POST", CONFIG_MAPS, configMap("a2"), editor);
      assert.match(refused.message, /only who may list secrets$/);
    });
  });

  test("ValidatingAdmissionPolicy fails as its failurePolicy says, and within its budget", async () => {
    const broken = { ...rules(["configmaps"]), validations: [{ expression: "object.spec.missing == 1" }] };
    await validating("fails", broken, {}, async () => {
      const { message } = await server.refused("POST", CONFIG_MAPS, configMap("f1"));
      assert.match(message, /expression 'object\.spec\.missing == 1' resulted in error: no such key: spec$/);
    });
    await validating("ignores", { ...broken, failurePolicy: "Ignore" }, {}, () =>
      server.send("POST", CONFIG_MAPS, configMap("f2")).then(() => {}),
    );
    const list = "lists.range(1000)";
    const dear = `${list}.all(a, ${list}.all(b, ${list}.all(c, a + b + c >= 0)))`;
    await validating(
      "dear",
      { ...rules(["configmaps"]), validations: [{ expression: dear }] },
      {},
      async () => {
        const { message } = await server.refused("POST", CONFIG_MAPS, configMap("f3"));
        assert.match(message, /operation cancelled: actual cost limit exceeded$/);
      },
    );
  });

  test("ValidatingAdmissionPolicy sees deletes and the version that it names", async () => {
    const spec = {
      ...rules(["configmaps"], "", ["DELETE"]),
      validations: [{ expression: "object == null && oldObject.metadata.name != 'keep'" }],
    };
    await server.send("POST", CONFIG_MAPS, configMap("keep"));
    await validating("keeps", spec, {}, async () => {
      await server.refused("DELETE", `${CONFIG_MAPS}/keep`);
    });
    await server.send("DELETE", `${CONFIG_MAPS}/keep`);
  });

  test("ValidatingAdmissionPolicy sees the Scale and the Binding of a request, and its options", async () => {
    const scale = {
      ...rules(["deployments/scale"], "apps", ["UPDATE"]),
      validations: [
        { expression: "request.kind.kind == 'Scale' && request.resource.resource == 'deployments'" },
        {
          expression:
            "object.kind == 'Scale' && oldObject.spec.replicas == 1 && request.options.fieldManager == 'me'",
        },
        { expression: "object.spec.replicas < 5", message: "too many" },
      ],
    };
    await server.send("POST", DEPLOYMENTS, deployment("scaled", 1));
    const scalePath = `${DEPLOYMENTS}/scaled/scale?fieldManager=me`;
    await validating("scales", scale, {}, async () => {
      const { message } = await server.refused("PATCH", scalePath, { spec: { replicas: 7 } });
      assert.match(message, /denied request: too many$/);
      await server.send("PATCH", scalePath, { spec: { replicas: 2 } });
    });
    const binding = {
      ...rules(["pods/binding"], "", ["CREATE"]),
      validations: [
        { expression: "object.kind == 'Binding' && object.target.name != 'forbidden' && oldObject == null" },
      ],
    };
    const PODS = "/api/v1/namespaces/default/pods";
    await server.send("POST", PODS, pod("bound"));
    await validating("bindings", binding, {}, async () => {
      await server.refused("POST", `${PODS}/bound/binding`, target("forbidden"));
      await server.send("POST", `${PODS}/bound/binding`, target("allowed"));
    });
  });

  const BAD: readonly (readonly [what: string, spec: object, field: string, message: RegExp])[] = [
    [
      "an expression that is no boolean",
      { validations: [{ expression: "1" }] },
      "spec.validations[0].expression",
      /must evaluate to bool but got int$/,
    ],
    [
      "what does not compile",
      { validations: [{ expression: "object.x +" }] },
      "spec.validations[0].expression",
      /compilation failed: ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>'/,
    ],
    [
      "a variable that is not there yet",
      { variables: [{ name: "a", expression: "variables.b" }], validations: [{ expression: "true" }] },
      "spec.variables[0].expression",
      /undefined field 'b'/,
    ],
    [
      "a message that is no text",
      { validations: [{ expression: "true", messageExpression: "1" }] },
      "spec.validations[0].messageExpression",
      /must evaluate to string but got int$/,
    ],
    [
      "parameters of nothing",
      { validations: [{ expression: "params.x == 1" }] },
      "spec.validations[0].expression",
      /undeclared reference to 'params' \(in container ''\)/,
    ],
    [
      "an unknown field of the request",
      {
        matchConditions: [{ name: "a", expression: "request.nope == ''" }],
        validations: [{ expression: "true" }],
      },
      "spec.matchConditions[0].expression",
      /undefined field 'nope'/,
    ],
    [
      "a reason that is none",
      { validations: [{ expression: "true", reason: "No" }] },
      "spec.validations[0].reason",
      /Unsupported value/,
    ],
    [
      "a variable that has no name",
      { variables: [{ name: "a-b", expression: "1" }], validations: [{ expression: "true" }] },
      "spec.variables[0].name",
      /must be a valid CEL identifier/,
    ],
  ];
  for (const [what, spec, field, message] of BAD) {
    test(`ValidatingAdmissionPolicy is refused with ${what}`, async () => {
      const policy = { metadata: { name: "bad" }, spec: { ...rules(["pods"]), ...spec } };
      const { code, details } = await server.refused("POST", `${GROUP}/validatingadmissionpolicies`, policy);
      assert.equal(code, 422);
      const cause = details?.causes?.find((each) => each.field === field);
      assert.match(cause?.message ?? JSON.stringify(details), message);
    });
  }
});

const apply = (expression: string): object => ({
  ...rules(["pods"]),
  mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
});
const args = apply("Object{spec: Object.spec{containers: [Object.spec.containers{name: 'c', args: ['a']}]}}");

const add = (key: string, condition: string): object => ({
  ...rules(["configmaps"], "", ["CREATE"]),
  matchConditions: [{ name: "c", expression: condition }],
  mutations: [
    {
      patchType: "ApplyConfiguration",
      applyConfiguration: { expression: `Object{data: {'${key}': 'yes'}}` },
    },
  ],
});

suite("MutatingAdmissionPolicy", () => {
  test("MutatingAdmissionPolicy merges what ApplyConfiguration gives", async () => {
    const spec = {
      ...rules(["deployments"], "apps", ["CREATE"]),
      variables: [{ name: "want", expression: "has(object.spec.paused) ? 1 : 4" }],
      mutations: [
        {
          patchType: "ApplyConfiguration",
          applyConfiguration: {
            expression:
              "Object{metadata: Object.metadata{labels: {'by': 'policy'}}, spec: Object.spec{replicas: variables.want, template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', imagePullPolicy: 'Never'}]}}}}",
          },
        },
      ],
    };
    await mutating("merge", spec, async () => {
      const made = (await server.send("POST", DEPLOYMENTS, deployment("m1", 1))) as unknown as Deployment;
      assert.equal(made.spec.replicas, 4);
      assert.deepEqual(made.metadata.labels, { by: "policy" });
      const [container] = made.spec.template.spec.containers;
      assert.deepEqual([container!["image"], container!["imagePullPolicy"]], ["i", "Never"]);
    });
  });

  test("MutatingAdmissionPolicy applies JSON patches, with keys escaped and tests that may fail", async () => {
    const spec = {
      ...rules(["configmaps"]),
      matchConditions: [{ name: "once", expression: "!has(object.metadata.annotations)" }],
      mutations: [
        {
          patchType: "JSONPatch",
          jsonPatch: {
            expression:
              "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}, JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('a.b/c'), value: 'x'}]",
          },
        },
        {
          patchType: "JSONPatch",
          jsonPatch: {
            expression:
              "[JSONPatch{op: 'test', path: '/metadata/name', value: 'other'}, JSONPatch{op: 'remove', path: '/metadata/annotations'}]",
          },
        },
      ],
    };
    await mutating("patch", spec, async () => {
      const made = await server.send("POST", CONFIG_MAPS, configMap("patched"));
      assert.deepEqual(made.metadata.annotations, { "a.b/c": "x" });
    });
  });

  test("MutatingAdmissionPolicy refuses what it cannot do, unless failures are ignored", async () => {
    const PODS = "/api/v1/namespaces/default/pods";
    await mutating("atomic", args, async () => {
      const refusal: StatusError = await server.refused("POST", PODS, pod("p1"));
      assert.deepEqual(
        [refusal.code, refusal.reason, refusal.message],
        [
          403,
          "Invalid",
          "policy 'atomic' with binding 'atomic-b' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[0].args",
        ],
      );
    });
    await mutating("ignored", { ...args, failurePolicy: "Ignore" }, () =>
      server.send("POST", PODS, pod("p2")).then(() => {}),
    );
    await mutating("names", apply("Object{spec: Object.wrong{nodeName: 'x'}}"), async () => {
      const { message } = await server.refused("POST", PODS, pod("p3"));
      assert.match(message, /type mismatch: unexpected type name "Object\.wrong", expected "Object\.spec"/);
    });
    const unknown = await server.refused("POST", `${GROUP}/mutatingadmissionpolicies`, {
      metadata: { name: "bad" },
      spec: { reinvocationPolicy: "Never", ...apply("1") },
    });
    assert.match(unknown.message, /must evaluate to Object but got int/);
  });

  test("MutatingAdmissionPolicy is asked again after a later one changed the object, if it wants to", async () => {
    const first = { ...add("late", "'early' in object.?data.orValue({})"), reinvocationPolicy: "IfNeeded" };
    const always = { ...add("first", "true"), reinvocationPolicy: "IfNeeded" };
    await mutating("a-first", first, () =>
      mutating("b-always", always, () =>
        mutating("c-early", add("early", "true"), async () => {
          const made = await server.send("POST", CONFIG_MAPS, configMap("again"));
          assert.deepEqual(made["data"], { first: "yes", early: "yes" });
        }),
      ),
    );
  });
});

interface Deployment {
  readonly metadata: { readonly labels?: object };
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: { readonly containers: readonly Readonly<Record<string, string>>[] };
    };
  };
}

function deployment(name: string, replicas: number): object {
  return {
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  };
}
