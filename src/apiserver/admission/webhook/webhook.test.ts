import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ruleMatches } from "./match-rules.ts";
import { rejection, verifyResponse, type Review } from "./review.ts";
import { targetOf } from "./target.ts";

suite("ruleMatches()", () => {
  const pods = { group: "", version: "v1", plural: "pods" };
  const any = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"] };
  const cases: readonly (readonly [resources: string, subresource: string, expected: boolean])[] = [
    ["pods", "", true],
    ["pods", "status", false],
    ["pods/status", "status", true],
    ["pods/*", "status", true],
    ["pods/*", "", true],
    ["*", "", true],
    ["*", "status", false],
    ["*/*", "status", true],
    ["*/scale", "status", false],
    ["services", "", false],
  ];
  for (const [resources, subresource, expected] of cases) {
    test(`ruleMatches() says ${expected} for ${resources} and pods/${subresource}`, () => {
      const attributes = { operation: "CREATE", subresource, namespace: "n", resource: "core/pods" } as const;
      assert.equal(ruleMatches({ ...any, resources: [resources] }, pods, attributes), expected);
      assert.equal(
        ruleMatches({ ...any, resources: [resources], operations: ["DELETE"] }, pods, attributes),
        false,
      );
      assert.equal(
        ruleMatches({ ...any, resources: [resources], scope: "Cluster" }, pods, attributes),
        false,
      );
    });
  }

  test("ruleMatches() takes a namespace for cluster-scoped", () => {
    const attributes = {
      operation: "CREATE",
      subresource: "",
      namespace: "",
      resource: "core/namespaces",
    } as const;
    const namespaces = { group: "", version: "v1", plural: "namespaces" };
    assert.equal(ruleMatches({ ...any, resources: ["*"], scope: "Cluster" }, namespaces, attributes), true);
    assert.equal(
      ruleMatches({ ...any, resources: ["*"], scope: "Namespaced" }, namespaces, attributes),
      false,
    );
  });
});

suite("verifyResponse()", () => {
  const review: Review = {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "u" },
  };
  const answer = (response: object): object => ({
    ...review,
    response: { uid: "u", allowed: true, ...response },
  });
  const cases: readonly (readonly [name: string, answer: unknown, expected: RegExp])[] = [
    ["nothing", undefined, /^webhook response was absent$/],
    ["a list", [], /^webhook response was absent$/],
    ["another uid", answer({ uid: "x" }), /^expected response\.uid="u", got "x"$/],
    [
      "no kind",
      { response: { uid: "u" } },
      /^expected webhook response of admission\.k8s\.io\/v1, Kind=AdmissionReview, got , Kind=$/,
    ],
    [
      "a patch without a type",
      answer({ patch: "W10=" }),
      /^webhook returned response\.patch but not response\.patchType$/,
    ],
    [
      "a type without a patch",
      answer({ patchType: "JSONPatch" }),
      /^webhook returned response\.patchType but not response\.patch$/,
    ],
  ];
  for (const [name, given, expected] of cases) {
    test(`verifyResponse() refuses ${name}`, () => {
      assert.throws(
        () => verifyResponse(given, review, true),
        (err: Error) => expected.test(err.message),
      );
    });
  }

  test("verifyResponse() wants neither uid nor patch type of v1beta1", () => {
    const old = { ...review, apiVersion: "admission.k8s.io/v1beta1" };
    const { allowed, patchType } = verifyResponse({ response: { allowed: true, patch: "W10=" } }, old, true);
    assert.deepEqual([allowed, patchType], [true, "JSONPatch"]);
  });
});

test("rejection() is never a success", () => {
  const { code, message, reason } = rejection("a.b", { code: 200, reason: "Forbidden" });
  assert.deepEqual(
    [code, message, reason],
    [400, 'admission webhook "a.b" denied the request: Forbidden', "Forbidden"],
  );
});

test("targetOf() names a Service by its own name and dials its pods", () => {
  const service = { namespace: "n", name: "s", port: 8443, path: "/p?x=1" };
  const target = targetOf({ service }, () => ({ host: "10.0.0.1", port: 9 }));
  assert.deepEqual(
    [target.url.href, target.address],
    ["https://s.n.svc:8443/p?x=1", { host: "10.0.0.1", port: 9 }],
  );
});
