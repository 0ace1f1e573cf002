/** What validating admission policies leave in the audit event of a request, and what its sender is warned of. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startAdmissionServer, user, type AdmissionServer } from "./admission-server.ts";
import { openAuditLog, type AuditLog } from "./audit-log.ts";

const GROUP = "/apis/admissionregistration.k8s.io/v1";
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const FAILURE = "validation.policy.admission.k8s.io/validation_failure";
const RULES = {
  resourceRules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] },
  ],
};

interface Bound {
  readonly name: string;
  readonly spec: object;
  /** One binding each, `<name>-0` and so on. */
  readonly bindings: readonly object[];
}

const param = (name: string): object => ({
  paramRef: { name, namespace: "default", parameterNotFoundAction: "Deny" },
});

suite("auditing of policies", () => {
  let log: AuditLog;
  let server: AdmissionServer;
  before(async () => {
    log = await openAuditLog({
      rules: [{ level: "Metadata", resources: [{ resources: ["configmaps"] }] }],
      omitStages: ["RequestReceived"],
    });
    server = await startAdmissionServer({ audit: log.options });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
  });

  async function withPolicies(policies: readonly Bound[], run: () => Promise<void>): Promise<void> {
    const made: string[] = [];
    const post = async (resource: string, name: string, spec: object): Promise<void> => {
      await server.send("POST", `${GROUP}/${resource}`, { metadata: { name }, spec });
      made.unshift(`${GROUP}/${resource}/${name}`);
    };
    for (const { name, spec, bindings } of policies) {
      await post("validatingadmissionpolicies", name, { matchConstraints: RULES, ...spec });
      for (const [i, binding] of bindings.entries())
        await post("validatingadmissionpolicybindings", `${name}-${i}`, {
          policyName: name,
          validationActions: ["Audit"],
          ...binding,
        });
    }
    try {
      server.warnings.length = 0;
      await run();
    } finally {
      for (const path of made) await server.send("DELETE", path);
    }
  }

  /** What policies noted of the create of this ConfigMap. */
  async function notesOf(name: string): Promise<Readonly<Record<string, string>>> {
    const events = await log.events();
    const event = events.findLast(({ verb, objectRef }) => verb === "create" && objectRef?.["name"] === name);
    assert.ok(event, `no event of ${name}`);
    const notes = Object.entries(event.annotations ?? {});
    return Object.fromEntries(notes.filter(([key]) => !key.startsWith("authorization.k8s.io/")));
  }

  const create = (name: string, data: object = {}): Promise<unknown> =>
    server.send("POST", CONFIG_MAPS, { metadata: { name }, data });

  test("ValidatingAdmissionPolicy with the action Audit lets pass, warns nobody, and notes which expression failed", async () => {
    const validations = [
      { expression: "true" },
      {
        expression: "object.data.size() < 1",
        messageExpression: "'<' + string(object.data.size()) + '> & more'",
      },
      { expression: "false", message: "a later failure is not noted" },
    ];
    await withPolicies([{ name: "counts", spec: { validations }, bindings: [{}] }], async () => {
      await create("a1", { k: "v" });
      assert.deepEqual(await notesOf("a1"), {
        [FAILURE]: String.raw`[{"message":"\u003c1\u003e \u0026 more","policy":"counts","binding":"counts-0","expressionIndex":1,"validationActions":["Audit"]}]`,
      });
      assert.deepEqual(server.warnings, []);
    });
  });

  test("ValidatingAdmissionPolicy with Audit and Warn does both, once per binding, and with Audit and Deny notes what it refuses", async () => {
    const spec = { validations: [{ expression: "false", message: "never" }] };
    const both = { validationActions: ["Warn", "Audit"] };
    await withPolicies([{ name: "both", spec, bindings: [both, both] }], async () => {
      await create("b1");
      const { [FAILURE]: failure } = await notesOf("b1");
      assert.equal(
        failure,
        '[{"message":"never","policy":"both","binding":"both-0","expressionIndex":0,"validationActions":["Warn","Audit"]}]',
      );
      const warned = server.warnings.join().match(/with binding 'both-[01]': never/g);
      assert.deepEqual(warned, ["with binding 'both-0': never", "with binding 'both-1': never"]);
    });
    await withPolicies(
      [{ name: "denies", spec, bindings: [{ validationActions: ["Deny", "Audit"] }] }],
      async () => {
        await server.refused("POST", CONFIG_MAPS, { metadata: { name: "b2" } });
        const { [FAILURE]: failure = "" } = await notesOf("b2");
        assert.match(
          failure,
          /"binding":"denies-0","expressionIndex":0,"validationActions":\["Deny","Audit"\]/,
        );
      },
    );
  });

  test("ValidatingAdmissionPolicy notes what its auditAnnotations give under the policy's name", async () => {
    const auditAnnotations = [
      { key: "size", valueExpression: "'size ' + string(variables.size)" },
      { key: "trimmed", valueExpression: "'  x \\n'" },
      { key: "blank", valueExpression: "' '" },
      { key: "null", valueExpression: "null" },
      { key: "who", valueExpression: "request.userInfo.username" },
      { key: "long", valueExpression: "string(object.data.k)" },
    ];
    const variables = [{ name: "size", expression: "object.data.size()" }];
    const policy = { name: "notes", spec: { variables, auditAnnotations }, bindings: [{}] };
    await withPolicies([policy], async () => {
      const body = { metadata: { name: "c1" }, data: { k: "ü".repeat(6_000) } };
      await server.send("POST", CONFIG_MAPS, body, user("carol", "system:masters"));
      assert.deepEqual(await notesOf("c1"), {
        "notes/size": "size 1",
        "notes/trimmed": "x",
        "notes/who": "carol",
        "notes/long": "ü".repeat(5 * 1024),
      });
    });
  });

  test("ValidatingAdmissionPolicy joins the different values of its bindings, and several policies do not hide each other", async () => {
    const paramKind = { apiVersion: "v1", kind: "ConfigMap" };
    const auditAnnotations = [
      { key: "limit", valueExpression: "string(params.data.max)" },
      { key: "same", valueExpression: "'same'" },
    ];
    for (const [name, max] of [
      ["three", "3"],
      ["five", "5"],
    ] as const)
      await create(name, { max });
    const limits = {
      name: "limits",
      spec: { paramKind, auditAnnotations },
      bindings: [param("three"), param("five")],
    };
    const other = {
      name: "other",
      spec: {
        validations: [{ expression: "false", message: "of other" }],
        auditAnnotations: [{ key: "limit", valueExpression: "'none'" }],
      },
      bindings: [{}],
    };
    const third = {
      name: "third",
      spec: { validations: [{ expression: "false", message: "of third" }] },
      bindings: [{}],
    };
    await withPolicies([limits, other, third], async () => {
      await create("d1");
      const { [FAILURE]: failure, ...notes } = await notesOf("d1");
      assert.deepEqual(notes, {
        "limits/limit": "3, 5",
        "limits/same": "same",
        "other/limit": "none",
      });
      assert.match(failure ?? "", /^\[\{"message":"of other","policy":"other"/);
    });
  });

  test("ValidatingAdmissionPolicy refuses when a valueExpression fails, whatever the actions, unless failures are ignored", async () => {
    const spec = {
      validations: [{ expression: "true" }],
      auditAnnotations: [
        { key: "fine", valueExpression: "'fine'" },
        { key: "bad", valueExpression: "string(object.spec.missing)" },
      ],
    };
    await withPolicies([{ name: "fails", spec, bindings: [{}] }], async () => {
      const { code, reason, message } = await server.refused("POST", CONFIG_MAPS, {
        metadata: { name: "e1" },
      });
      assert.deepEqual([code, reason], [422, "Invalid"]);
      assert.match(
        message,
        /ValidatingAdmissionPolicy 'fails' with binding 'fails-0' denied request: expression 'string\(object\.spec\.missing\)' resulted in error: no such key: spec$/,
      );
      assert.deepEqual(await notesOf("e1"), { "fails/fine": "fine" });
    });
    const ignored = { ...spec, failurePolicy: "Ignore" };
    await withPolicies([{ name: "ignores", spec: ignored, bindings: [{}] }], async () => {
      await create("e2");
      assert.deepEqual(await notesOf("e2"), { "ignores/fine": "fine" });
    });
  });

  test("ValidatingAdmissionPolicy is refused with auditAnnotations that are none", async () => {
    for (const [auditAnnotations, field, what] of [
      [
        [{ key: "a", valueExpression: "1" }],
        "[0].valueExpression",
        /must evaluate to one of \[string null_type\] but got int$/,
      ],
      [[{ key: "a/b", valueExpression: "''" }], "[0].key", /name part must consist of|a valid/],
      [[{ key: "", valueExpression: "''" }], "[0].key", /name part must be non-empty/],
      [[{ key: "a", valueExpression: " " }], "[0].valueExpression", /Required value/],
      [
        [
          { key: "a", valueExpression: "''" },
          { key: "a", valueExpression: "''" },
        ],
        "[1].key",
        /Duplicate value/,
      ],
    ] as const) {
      const body = { metadata: { name: "bad" }, spec: { matchConstraints: RULES, auditAnnotations } };
      const { details } = await server.refused("POST", `${GROUP}/validatingadmissionpolicies`, body);
      const cause = details?.causes?.find((each) => each.field === `spec.auditAnnotations${field}`);
      assert.match(cause?.message ?? JSON.stringify(details), what);
    }
  });
});
