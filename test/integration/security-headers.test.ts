/** Who asks is said by certificates, tokens and believed proxies; never by headers alone, nor by the spelling of a path. */
import assert from "node:assert/strict";
import { Agent, request } from "node:https";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { STANDARD_HEADERS } from "#apiserver";
import { createCertificateAuthority, issueCertificate, type KeyPairPem } from "#component-base/pki";
import { make, refusedAs, userWith } from "./security-actors.ts";
import { forever, startSecurityServer, type Asked, type SecurityServer } from "./security-server.ts";

const WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const SECRETS = "/api/v1/namespaces/default/secrets";
const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
type Lines = NonNullable<Asked["headers"]>;

const ROOT: Lines = [
  ["X-Remote-User", "root"],
  ["X-Remote-Group", "system:masters"],
  ["X-Remote-Uid", "0"],
  ["X-Remote-Extra-Scopes", "all"],
];

suite("headers of front proxies", () => {
  let cluster: SecurityServer;
  let jane: KeyPairPem;
  let proxy: KeyPairPem;
  let stranger: KeyPairPem;
  let proxyCa = "";

  before(async () => {
    const authority = await createCertificateAuthority("front-proxy-ca", systemClock);
    proxyCa = authority.certificatePem;
    const issue = (commonName: string): Promise<KeyPairPem> =>
      issueCertificate(authority, { commonName, usages: ["client"] }, systemClock);
    proxy = await issue("front-proxy-client");
    stranger = await issue("somebody");
    const requestHeader = { ...STANDARD_HEADERS, clientCa: proxyCa, allowedNames: ["front-proxy-client"] };
    cluster = await startSecurityServer({}, { requestHeader });
    jane = await cluster.certificate("jane", "devs");
  });
  after(() => cluster[Symbol.asyncDispose]());

  interface Who {
    readonly username: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  }

  /** Or the status of the refusal. */
  async function whoami(asked: Asked): Promise<Who | number> {
    const { code, json } = await cluster.send(WHOAMI, { method: "POST", body: review, ...asked });
    return code === 201 ? (json as unknown as { status: { userInfo: Who } }).status.userInfo : code;
  }

  test("a believed proxy says who asks, line by line, however it writes the names of its headers", async () => {
    const headers: Lines = [
      ["x-remote-user", "ann"],
      ["X-REMOTE-GROUP", "devs"],
      ["X-Remote-Group", "ops, a"],
      ["x-Remote-Uid", "7"],
      ["X-Remote-Extra-Example.com%2fTeam", "one"],
    ];
    const who = (await whoami({ certificate: proxy, headers })) as Who;
    assert.deepEqual(
      [who.username, who.uid, who.groups, who.extra],
      ["ann", "7", ["devs", "ops, a", "system:authenticated"], { "example.com/team": ["one"] }],
    );
  });

  test("headers of whoever is no proxy change nothing of who they are", async () => {
    await make(cluster, ServiceAccounts, "web");
    const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec: {} };
    const ref = { namespace: "default", name: "web" };
    const given = await cluster.admin.createSubresource(ServiceAccounts, ref, "token", asked, forever);
    const { token } = (given as { status: { token: string } }).status;
    // a name alone makes no proxy: this one is of the clients' authority
    const namesake = await cluster.certificate("front-proxy-client");
    for (const [credentials, name] of [
      [{ certificate: jane }, "jane"],
      [{ token }, "system:serviceaccount:default:web"],
      [{ certificate: namesake }, "front-proxy-client"],
      // the certificate counts first, as ever
      [{ certificate: jane, token }, "jane"],
    ] as const) {
      const who = (await whoami({ ...credentials, headers: ROOT })) as Who;
      assert.equal(who.username, name);
      assert.ok(!who.groups.includes("system:masters"), name);
      assert.equal(who.extra?.["scopes"], undefined, name);
      assert.equal((await cluster.send(SECRETS, { ...credentials, headers: ROOT })).code, 403, name);
    }
    refusedAs(
      await cluster.send(SECRETS, { headers: ROOT }),
      403,
      /User "system:anonymous" cannot list resource "secrets"/,
    );
  });

  test("a proxy of another name, or of another authority, is believed nothing", async () => {
    const elsewhere = await createCertificateAuthority("front-proxy-ca", systemClock);
    const foreign = await issueCertificate(
      elsewhere,
      { commonName: "front-proxy-client", usages: ["client"] },
      systemClock,
    );
    const over = await issueCertificate(
      elsewhere,
      { commonName: "front-proxy-client", usages: ["client"], validityMs: -1_000 },
      systemClock,
    );
    for (const certificate of [stranger, foreign, over])
      for (const path of [SECRETS, "/version"]) {
        const { code, json } = await cluster.send(path, { certificate, headers: ROOT });
        assert.deepEqual([code, json.message], [401, "Unauthorized"], path);
      }
  });

  test("a proxy without the name of a user is nobody, and names that look alike are no names", async () => {
    for (const headers of [
      [],
      [["X-Remote-User", ""]],
      [["X-Remote-Group", "system:masters"]],
      [["X_Remote_User", "root"]],
      [["X-Remote-User-", "root"]],
      [["Remote-User", "root"]],
    ] as const)
      assert.equal(await whoami({ certificate: proxy, headers }), 401, JSON.stringify(headers));
  });

  test("who comes through a proxy acts as others only with the right to", async () => {
    const headers: Lines = [
      ["X-Remote-User", "ann"],
      ["Impersonate-User", "root"],
      ["Impersonate-Group", "system:masters"],
    ];
    refusedAs(
      await cluster.send(SECRETS, { certificate: proxy, headers }),
      403,
      /User "ann" cannot impersonate/,
    );
  });

  test("requests on one connection are each of whom their own headers name", async () => {
    const { port } = cluster;
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 1,
      cert: proxy.certificatePem,
      key: proxy.privateKeyPem,
      rejectUnauthorized: false,
    });
    const sockets = new Set<unknown>();
    const ask = (user: string | undefined): Promise<string> =>
      new Promise((resolve, reject) => {
        const headers = {
          "content-type": "application/json",
          ...(user !== undefined && { "x-remote-user": user }),
        };
        const sent = request(
          { host: "127.0.0.1", port, path: WHOAMI, method: "POST", headers, agent },
          (answer) => {
            let text = "";
            answer.setEncoding("utf8").on("data", (part: string) => (text += part));
            answer.once("end", () => {
              const who = JSON.parse(text) as { code?: number; status: { userInfo?: Who } };
              resolve(who.status.userInfo?.username ?? String(who.code));
            });
          },
        );
        sent.once("socket", (socket) => sockets.add(socket));
        sent.once("error", reject);
        sent.end(JSON.stringify(review));
      });
    const answers: string[] = [];
    for (const user of ["ann", "ben", undefined, "ann"]) answers.push(await ask(user));
    assert.deepEqual([answers, sockets.size], [["ann", "ben", "401", "ann"], 1]);
    agent.destroy();
  });
});

suite("paths", () => {
  let cluster: SecurityServer;
  let jane: KeyPairPem;
  before(async () => {
    cluster = await startSecurityServer();
    jane = await userWith(cluster, "jane", [
      { nonResourceURLs: ["/healthz", "/healthz/*", "/own/*"], verbs: ["*"] },
      { apiGroups: [""], resources: ["configmaps"], verbs: ["*"] },
    ]);
    await make(cluster, ServiceAccounts, "kept");
  });
  after(() => cluster[Symbol.asyncDispose]());

  for (const path of [
    "/metrics",
    "//metrics",
    "/metrics/",
    "/./metrics",
    "/healthz/../metrics",
    "/healthz/%2e%2e/metrics",
    "/healthz/..%2fmetrics",
    "/healthz%2f..%2fmetrics",
    "/healthz/..;/metrics",
    "/own/../metrics",
    "/%6detrics",
    "/metrics%00",
    "/metrics?/healthz",
    "/metrics#/healthz",
    "/\\metrics",
    "/healthz/\\..\\metrics",
    "https://127.0.0.1/metrics",
  ])
    test(`GET ${path} shows no metrics to whom they are not for`, async () => {
      const { code, text } = await cluster.send(path, { certificate: jane });
      assert.ok([400, 403, 404].includes(code), `${code} ${text.slice(0, 200)}`);
      assert.doesNotMatch(text, /apiserver_request_total/);
    });

  const ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";
  for (const [method, path] of [
    ["DELETE", `${ACCOUNTS}/kept`],
    ["DELETE", "/api/v1/namespaces/default/configmaps/../serviceaccounts/kept"],
    ["DELETE", "/api/v1/namespaces/default/configmaps/%2e%2e/serviceaccounts/kept"],
    ["DELETE", "/api/v1/namespaces/default/configmaps/..%2fserviceaccounts%2fkept"],
    ["DELETE", "/api/v1/namespaces/default/configmaps%2f..%2fserviceaccounts/kept"],
    ["DELETE", "//api/v1/namespaces/default/serviceaccounts/kept"],
    ["DELETE", "/api/v1/namespaces/default//serviceaccounts/kept"],
    ["DELETE", "/api/v1/namespaces/default/configmaps//serviceaccounts/kept"],
    ["DELETE", "/api/v1/namespaces/default/serviceaccounts/kept/"],
    ["DELETE", "/api/v1/namespaces/default/%73erviceaccounts/kept"],
    ["DELETE", "/api/v1/proxy/namespaces/default/serviceaccounts/kept"],
    ["POST", `${ACCOUNTS}?fieldManager=x`],
    ["POST", "/api/v1/namespaces/default/configmaps/../serviceaccounts"],
    ["PATCH", "/api/v1/namespaces/default/configmaps/..%2fserviceaccounts%2fkept"],
  ] as const)
    test(`${method} ${path} changes no ServiceAccount`, async () => {
      const body = { metadata: { name: "new", labels: { a: "b" } } };
      const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
      const asked = { method, certificate: jane, contentType, ...(method !== "DELETE" && { body }) };
      const { code, text } = await cluster.send(path, asked);
      assert.ok(code >= 400 && code < 500, `${code} ${text}`);
      const { items } = await cluster.admin.list(ServiceAccounts, { namespace: "default" }, forever);
      assert.deepEqual(
        items.map(({ metadata }) => [metadata.name, metadata.labels]),
        [["kept", undefined]],
      );
    });

  test("a method that a header or the query names is not the request's", async () => {
    for (const [path, headers] of [
      [`${ACCOUNTS}/kept?_method=DELETE`, []],
      [`${ACCOUNTS}/kept`, [["X-HTTP-Method-Override", "DELETE"]]],
      [
        `${ACCOUNTS}/kept`,
        [
          ["X-Original-URL", "/healthz"],
          ["X-Rewrite-URL", "/healthz"],
          ["X-Forwarded-Prefix", "/healthz"],
        ],
      ],
    ] as const)
      refusedAs(
        await cluster.send(path, { certificate: jane, headers }),
        403,
        /User "jane" cannot get resource "serviceaccounts"/,
      );
  });
});
