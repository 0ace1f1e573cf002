/** Nobody grants what they do not have: by every way in which a role or a binding is written. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { StatusError } from "#apimachinery";
import { startAdmissionServer, user, type AdmissionServer, type Answer } from "./admission-server.ts";

const GROUP = "rbac.authorization.k8s.io";
const RBAC = `/apis/${GROUP}/v1`;
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";
const MALLORY = user("mallory");
const readPods = { apiGroups: [""], resources: ["pods"], verbs: ["get"] };
const readSecrets = { apiGroups: [""], resources: ["secrets"], verbs: ["get"] };
const NOT_HELD =
  /is forbidden: user "mallory" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get"\]\}$/;
const NO_AGGREGATION = /must have cluster-admin privileges to use the aggregationRule$/;

interface Written {
  readonly kind: string;
  /** Where objects of the kind are. */
  readonly path: string;
  /** What grants Mallory nothing new. */
  readonly held: object;
  readonly escalating: object;
  readonly refusal: RegExp;
}

const roleRef = (kind: string, name: string): object => ({ apiGroup: GROUP, kind, name });
const subject = (name: string): object => ({ kind: "User", apiGroup: GROUP, name });
const to = (kind: string, name: string): object => ({
  roleRef: roleRef(kind, name),
  subjects: [subject("bob")],
});
const IN_DEFAULT = `${RBAC}/namespaces/default`;

const KINDS: readonly Written[] = [
  ...[`${RBAC}/clusterroles`, `${IN_DEFAULT}/roles`].map((path) => ({
    kind: path.endsWith("clusterroles") ? "ClusterRole" : "Role",
    path,
    held: { rules: [readPods] },
    escalating: { rules: [readSecrets] },
    refusal: NOT_HELD,
  })),
  {
    kind: "ClusterRole",
    path: `${RBAC}/clusterroles`,
    held: { rules: [readPods] },
    escalating: { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } },
    refusal: NO_AGGREGATION,
  },
];

const BINDINGS: readonly Written[] = [
  ["ClusterRoleBinding", `${RBAC}/clusterrolebindings`, "ClusterRole"],
  ["RoleBinding", `${IN_DEFAULT}/rolebindings`, "ClusterRole"],
  ["RoleBinding", `${IN_DEFAULT}/rolebindings`, "Role"],
].map(([kind = "", path = "", of = ""]) => ({
  kind,
  path,
  held: to(of, "pod-reader"),
  escalating: to(of, "secret-reader"),
  refusal: NOT_HELD,
}));

type Way = readonly [
  what: string,
  method: "POST" | "PUT" | "PATCH",
  query: string,
  contentType: string | undefined,
];

const WAYS_TO_CREATE: readonly Way[] = [
  ["POST", "POST", "", undefined],
  ["POST of a dry run", "POST", "?dryRun=All", undefined],
  ["PUT of what is not there", "PUT", "", undefined],
  ["PUT of what is not there, as a dry run", "PUT", "?dryRun=All", undefined],
  ["apply of what is not there", "PATCH", "?fieldManager=m&force=true", APPLY],
  ["apply of what is not there, as a dry run", "PATCH", "?fieldManager=m&dryRun=All", APPLY],
];

const WAYS_TO_CHANGE: readonly Way[] = [
  ["PUT", "PUT", "", undefined],
  ["PUT of a dry run", "PUT", "?dryRun=All", undefined],
  ["a merge patch", "PATCH", "", undefined],
  ["a merge patch of a dry run", "PATCH", "?dryRun=All", undefined],
  ["a JSON patch", "PATCH", "", "application/json-patch+json"],
  ["a strategic merge patch", "PATCH", "", STRATEGIC],
  ["apply", "PATCH", "?fieldManager=m&force=true", APPLY],
  ["apply of a dry run", "PATCH", "?fieldManager=m&force=true&dryRun=All", APPLY],
];

function bodyOf(way: Way, kind: string, name: string, fields: object): unknown {
  const [, method, , contentType] = way;
  if (contentType === "application/json-patch+json")
    return Object.entries(fields).map(([field, value]) => ({ op: "add", path: `/${field}`, value }) as const);
  const whole = { apiVersion: `${GROUP}/v1`, kind, metadata: { name }, ...fields };
  return method === "PATCH" && contentType !== APPLY ? fields : whole;
}

const binding = (name: string, kind: string, of: string): object => ({ metadata: { name }, ...to(kind, of) });

suite("escalation", () => {
  let server: AdmissionServer;
  let count = 0;

  const post = (path: string, name: string, fields: object): Promise<Answer> =>
    server.send("POST", path, { metadata: { name }, ...fields });
  /** Rights that last until the end of the suite. */
  async function grant(name: string, who: string, ...rules: readonly object[]): Promise<void> {
    await post(`${RBAC}/clusterroles`, name, { rules });
    await post(`${RBAC}/clusterrolebindings`, name, {
      roleRef: roleRef("ClusterRole", name),
      subjects: [subject(who)],
    });
  }

  before(async () => {
    server = await startAdmissionServer();
    const verbs = ["create", "update", "patch", "get", "list", "delete", "deletecollection"];
    const writeRbac = { apiGroups: [GROUP], resources: ["*"], verbs };
    await grant("mallory", "mallory", writeRbac, readPods);
    for (const path of [`${RBAC}/clusterroles`, `${IN_DEFAULT}/roles`]) {
      await post(path, "pod-reader", { rules: [readPods] });
      await post(path, "secret-reader", { rules: [readSecrets] });
    }
  });
  after(() => server[Symbol.asyncDispose]());

  const isThere = (path: string): Promise<Answer | undefined> =>
    server.send("GET", path).catch(() => undefined);

  function ask(way: Way, path: string, body: unknown): Promise<Answer> {
    const [, method, query, contentType] = way;
    return server.send(method, `${path}${query}`, body, MALLORY, contentType);
  }

  function refusedTo(way: Way, path: string, body: unknown): Promise<StatusError> {
    const [, method, query, contentType] = way;
    return server.refused(method, `${path}${query}`, body, MALLORY, contentType);
  }

  for (const written of [...KINDS, ...BINDINGS]) {
    const { kind, path, held, escalating, refusal } = written;
    const what = Object.keys(escalating).includes("aggregationRule") ? "an aggregated ClusterRole" : kind;
    const of = (escalating as { roleRef?: { kind: string } }).roleRef?.kind;
    const named = `${what}${of === undefined ? "" : ` of a ${of}`}`;
    for (const way of WAYS_TO_CREATE) {
      test(`${named} by ${way[0]} gives nothing that its writer does not have`, async () => {
        const name = `created-${count++}`;
        const at = way[1] === "POST" ? path : `${path}/${name}`;
        const { code, reason, message } = await refusedTo(way, at, bodyOf(way, kind, name, escalating));
        assert.deepEqual([code, reason], [403, "Forbidden"]);
        assert.match(message, refusal);
        assert.equal(await isThere(`${path}/${name}`), undefined);
        await ask(way, at, bodyOf(way, kind, name, held));
      });
    }
  }

  for (const { kind, path, held, escalating, refusal } of KINDS) {
    const what = Object.keys(escalating).includes("aggregationRule") ? "an aggregated ClusterRole" : kind;
    for (const way of WAYS_TO_CHANGE) {
      test(`${what} by ${way[0]} does not grow beyond what its writer has`, async () => {
        const name = `changed-${count++}`;
        const made = await post(path, name, { rules: [] });
        const at = `${path}/${name}`;
        const { code, message } = await refusedTo(way, at, bodyOf(way, kind, name, escalating));
        assert.equal(code, 403);
        assert.match(message, refusal);
        assert.deepEqual(await isThere(at), made);
        await ask(way, at, bodyOf(way, kind, name, held));
      });
    }
  }

  for (const { kind, path, held, escalating } of BINDINGS) {
    const of = (escalating as { roleRef: { kind: string } }).roleRef.kind;
    for (const way of WAYS_TO_CHANGE) {
      test(`${kind} of a ${of} by ${way[0]} lets nobody in whom its writer could not`, async () => {
        const name = `changed-${count++}`;
        const at = `${path}/${name}`;
        const made = await post(path, name, escalating);
        const subjects = [subject("mallory")];
        const refused = await refusedTo(way, at, bodyOf(way, kind, name, { ...escalating, subjects }));
        assert.match(refused.message, NOT_HELD);
        // neither does a role that Mallory has become another one
        await post(path, `${name}-held`, held);
        const swapped = bodyOf(way, kind, `${name}-held`, { ...escalating, subjects });
        const other = await refusedTo(way, `${at}-held`, swapped);
        assert.deepEqual([refused.code, other.code], [403, 403]);
        assert.deepEqual(await isThere(at), made);
        await ask(way, `${at}-held`, bodyOf(way, kind, `${name}-held`, { ...held, subjects }));
      });
    }
  }

  test("a finalizer or an owner may be written to what its writer does not have; nothing next to it", async () => {
    const at = `${RBAC}/clusterroles/secret-reader`;
    const earlier = await server.send("GET", at);
    await server.send("PATCH", at, { metadata: { finalizers: ["example.com/a"] } }, MALLORY);
    await server.send("PATCH", at, { metadata: { finalizers: null } }, MALLORY);
    for (const metadata of [{ labels: { a: "b" } }, { annotations: { a: "b" } }])
      assert.match((await server.refused("PATCH", at, { metadata }, MALLORY)).message, NOT_HELD);
    const { metadata, ...rest } = await server.send("GET", at);
    assert.deepEqual([rest["rules"], metadata.labels], [earlier["rules"], earlier.metadata.labels]);
  });

  test("who may label ClusterRoles adds to an aggregated one what they have themselves, and nothing else", async () => {
    const labels = { "rbac.authorization.k8s.io/aggregate-to-view": "true" };
    const role = (name: string): string => `${RBAC}/clusterroles/${name}`;
    await server.send("PATCH", role("pod-reader"), { metadata: { labels } }, MALLORY);
    const patch = [role("secret-reader"), { metadata: { labels } }, MALLORY] as const;
    for (const type of [undefined, STRATEGIC])
      assert.match((await server.refused("PATCH", ...patch, type)).message, NOT_HELD);
    const body = { metadata: { name: "new-secret-reader", labels }, rules: [readSecrets] };
    assert.match((await server.refused("POST", `${RBAC}/clusterroles`, body, MALLORY)).message, NOT_HELD);
  });

  test("rules that are aggregated are neither changed nor loosened by who is no cluster-admin", async () => {
    const at = `${RBAC}/clusterroles/sum`;
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] };
    await post(`${RBAC}/clusterroles`, "sum", { aggregationRule });
    for (const change of [
      { rules: [readPods] },
      { aggregationRule: null },
      { aggregationRule: { clusterRoleSelectors: [{}] } },
      { metadata: { labels: { a: "b" } } },
    ])
      assert.match((await server.refused("PATCH", at, change, MALLORY)).message, NO_AGGREGATION);
  });

  for (const [what, held, rules, isRefused] of [
    [
      "another name",
      [{ ...readSecrets, resourceNames: ["a"] }],
      [{ ...readSecrets, resourceNames: ["b"] }],
      true,
    ],
    ["all names of one name", [{ ...readSecrets, resourceNames: ["a"] }], [readSecrets], true],
    ["one name of all", [readSecrets], [{ ...readSecrets, resourceNames: ["a"] }], false],
    ["a subresource", [readPods], [{ ...readPods, resources: ["pods/exec"] }], true],
    [
      "a subresource of every resource",
      [{ ...readPods, resources: ["pods/*"] }],
      [{ ...readPods, resources: ["*/log"] }],
      true,
    ],
    [
      "all subresources by `*`",
      [{ ...readPods, resources: ["*"] }],
      [{ ...readPods, resources: ["pods/exec"] }],
      false,
    ],
    ["all verbs", [readPods], [{ ...readPods, verbs: ["*"] }], true],
    ["all groups", [readPods], [{ ...readPods, apiGroups: ["*"] }], true],
    ["another group", [readPods], [{ ...readPods, apiGroups: ["metrics.k8s.io"] }], true],
    ["two rules in one", [readPods, readSecrets], [{ ...readPods, resources: ["pods", "secrets"] }], false],
    ["a path", [readPods], [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }], true],
    [
      "a longer path",
      [{ nonResourceURLs: ["/logs/*"], verbs: ["get"] }],
      [{ nonResourceURLs: ["/logs/a"], verbs: ["get"] }],
      false,
    ],
    [
      "a shorter path",
      [{ nonResourceURLs: ["/logs/a"], verbs: ["get"] }],
      [{ nonResourceURLs: ["/logs/*"], verbs: ["get"] }],
      true,
    ],
    ["impersonation", [], [{ apiGroups: [""], resources: ["groups"], verbs: ["impersonate"] }], true],
    ["`escalate`", [], [{ apiGroups: [GROUP], resources: ["clusterroles"], verbs: ["escalate"] }], true],
    ["`bind`", [], [{ apiGroups: [GROUP], resources: ["clusterroles"], verbs: ["bind"] }], true],
    [
      "`approve`",
      [],
      [{ apiGroups: ["certificates.k8s.io"], resources: ["signers"], verbs: ["approve"] }],
      true,
    ],
    [
      "tokens",
      [{ apiGroups: [""], resources: ["serviceaccounts"], verbs: ["create"] }],
      [{ apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] }],
      true,
    ],
  ] as const)
    test(`a rule with ${what} is ${isRefused ? "more" : "no more"} than its writer has`, async () => {
      const who = `writer-${count++}`;
      const create = { apiGroups: [GROUP], resources: ["clusterroles"], verbs: ["create"] };
      await grant(who, who, create, ...held);
      const body = { metadata: { name: `${who}-made` }, rules };
      if (!isRefused) {
        await server.send("POST", `${RBAC}/clusterroles`, body, user(who));
        return;
      }
      const { code, message } = await server.refused("POST", `${RBAC}/clusterroles`, body, user(who));
      assert.equal(code, 403);
      assert.match(message, /is attempting to grant RBAC permissions not currently held:\n/);
    });

  test("what is had in one namespace is given in no other, and to no cluster", async () => {
    await server.send("POST", "/api/v1/namespaces", { metadata: { name: "theirs" } });
    const verbs = ["create", "get"];
    const own = [{ apiGroups: [GROUP], resources: ["*"], verbs }, readSecrets];
    await post(`${IN_DEFAULT}/roles`, "local-admin", { rules: own });
    const local = user("local");
    await post(`${IN_DEFAULT}/rolebindings`, "local-admin", {
      roleRef: roleRef("Role", "local-admin"),
      subjects: [subject("local")],
    });
    await grant("local-elsewhere", "local", { apiGroups: [GROUP], resources: ["*"], verbs });
    const role = { metadata: { name: "r" }, rules: [readSecrets] };
    const bound = binding("b", "ClusterRole", "secret-reader");
    await server.send("POST", `${IN_DEFAULT}/roles`, role, local);
    await server.send("POST", `${IN_DEFAULT}/rolebindings`, bound, local);
    for (const [path, body] of [
      [`${RBAC}/namespaces/theirs/roles`, role],
      [`${RBAC}/clusterroles`, role],
      [`${RBAC}/namespaces/theirs/rolebindings`, bound],
      [`${RBAC}/clusterrolebindings`, bound],
      // the namespace of the body is not believed
      [`${RBAC}/namespaces/theirs/roles`, { ...role, metadata: { name: "r", namespace: "theirs" } }],
    ] as const)
      assert.match((await server.refused("POST", path, body, local)).message, /not currently held/, path);
    const astray = { ...role, metadata: { name: "r", namespace: "default" } };
    assert.equal((await server.refused("POST", `${RBAC}/namespaces/theirs/roles`, astray, local)).code, 400);
  });

  test("`escalate` for a name changes that role, creates none by POST, and no other", async () => {
    const rbac = { apiGroups: [GROUP], resources: ["clusterroles"] };
    await grant(
      "eve",
      "eve",
      { ...rbac, verbs: ["create", "update", "patch", "get"] },
      { ...rbac, verbs: ["escalate"], resourceNames: ["eves", "eves-new", "eves-put"] },
    );
    const eve = user("eve");
    const role = (name: string): object => ({ metadata: { name }, rules: [readSecrets] });
    for (const name of ["eves", "others"]) await post(`${RBAC}/clusterroles`, name, { rules: [] });
    await server.send("PATCH", `${RBAC}/clusterroles/eves`, { rules: [readSecrets] }, eve);
    await server.send("PUT", `${RBAC}/clusterroles/eves-put`, role("eves-put"), eve);
    for (const [method, path, body] of [
      ["PATCH", `${RBAC}/clusterroles/others`, { rules: [readSecrets] }],
      ["POST", `${RBAC}/clusterroles`, role("eves-new")],
      ["PUT", `${RBAC}/clusterroles/others-put`, role("others-put")],
    ] as const) {
      const { code, message } = await server.refused(method, path, body, eve);
      assert.equal(code, 403, path);
      assert.match(message, /is attempting to grant RBAC permissions not currently held/);
    }
    // what may be escalated may not be bound
    const more = binding("eve-more", "ClusterRole", "eves");
    await grant("eve-binds", "eve", { ...rbac, resources: ["clusterrolebindings"], verbs: ["create"] });
    assert.equal((await server.refused("POST", `${RBAC}/clusterrolebindings`, more, eve)).code, 403);
  });

  test("`bind` for a name in a namespace binds that role there, and nowhere else", async () => {
    const rules = [
      { apiGroups: [GROUP], resources: ["clusterroles"], resourceNames: ["secret-reader"], verbs: ["bind"] },
    ];
    await post(`${IN_DEFAULT}/roles`, "binder", { rules });
    await post(`${IN_DEFAULT}/rolebindings`, "binder", {
      roleRef: roleRef("Role", "binder"),
      subjects: [subject("dave")],
    });
    await grant("dave", "dave", {
      apiGroups: [GROUP],
      resources: ["rolebindings", "clusterrolebindings"],
      verbs: ["create", "update", "get"],
    });
    const dave = user("dave");
    const bindings = `${IN_DEFAULT}/rolebindings`;
    await server.send("POST", bindings, binding("daves", "ClusterRole", "secret-reader"), dave);
    for (const [path, kind, of] of [
      [bindings, "ClusterRole", "cluster-admin"],
      // a Role is no ClusterRole
      [bindings, "Role", "secret-reader"],
      [`${RBAC}/namespaces/kube-system/rolebindings`, "ClusterRole", "secret-reader"],
      [`${RBAC}/clusterrolebindings`, "ClusterRole", "secret-reader"],
    ] as const) {
      const { code, message } = await server.refused("POST", path, binding("more", kind, of), dave);
      assert.equal(code, 403, path);
      assert.match(message, /is attempting to grant RBAC permissions not currently held/);
    }
    const moved = binding("daves", "ClusterRole", "pod-reader");
    const { code } = await server.refused("PUT", `${bindings}/daves`, moved, dave);
    assert.equal(code, 403);
  });

  test("roles have no subresources to write them by, and a collection is only read and deleted", async () => {
    const body = { metadata: { name: "pod-reader" }, rules: [readSecrets] };
    for (const [method, path, expected] of [
      ["PUT", `${RBAC}/clusterroles/pod-reader/status`, 404],
      ["PATCH", `${RBAC}/clusterroles/pod-reader/status`, 404],
      ["PUT", `${RBAC}/clusterroles/pod-reader/scale`, 404],
      ["PUT", `${RBAC}/clusterroles`, 405],
      ["PATCH", `${RBAC}/clusterroles`, 405],
      ["POST", `${RBAC}/clusterroles/pod-reader`, 405],
      // nothing is written or deleted in all namespaces at once
      ["POST", `${RBAC}/roles`, 405],
      ["DELETE", `${RBAC}/roles`, 405],
    ] as const)
      assert.equal(
        (await server.refused(method, path, method === "DELETE" ? undefined : body)).code,
        expected,
        `${method} ${path}`,
      );
    const found = await server.send("GET", `${RBAC}/clusterroles/pod-reader`);
    assert.deepEqual(found["rules"], [readPods]);
  });
});
