/** What is secret shows in no log, audit event, metric, Event or answer to others, whatever goes wrong with it. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { ensureAuditPolicy } from "../../src/launcher/audit-policy.ts";
import { freePort, ServerHome, type Asked, type ServerProcess } from "./server-process.ts";

/** One word in all that is secret, so that even a part of it shows. */
const CANARY = "CaNaRy";
/** In base64 at any offset, and in hexadecimal. */
const CANARY_ENCODED = /Q2FOYVJ5|NhTmFSe|DYU5hUn|43614e615279/;
const secret = (of: string): string => `${CANARY}-${of}-${CANARY}`;

const SECRETS = "/api/v1/namespaces/default/secrets";
const APPLY = "application/apply-patch+yaml";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const JSON_PATCH = "application/json-patch+json";

function checkClean(text: string, where: string): void {
  const at = text.search(new RegExp(`${CANARY}|${CANARY_ENCODED.source}`));
  assert.equal(at, -1, `${where}: …${text.slice(Math.max(0, at - 300), at + 200)}…`);
}

function kubeconfig(server: string, user: object): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "w", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "w", user }],
    contexts: [{ name: "w", context: { cluster: "w", user: "w" } }],
    "current-context": "w",
  };
}

const encryption = (key: string): object => ({
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "EncryptionConfiguration",
  resources: [
    {
      resources: ["secrets"],
      providers: [{ aesgcm: { keys: [{ name: "k", secret: key }] } }, { identity: {} }],
    },
  ],
});
const keyText = secret("encryption-key").padEnd(32, ".").slice(0, 32);
const encryptionKey = Buffer.from(keyText).toString("base64");

const docker = (value: string): object => ({
  metadata: { name: "docker" },
  type: "kubernetes.io/dockerconfigjson",
  data: { ".dockerconfigjson": Buffer.from(value).toString("base64") },
});

suite("secrets", () => {
  let home: ServerHome;
  let server: ServerProcess;
  let auditLog = "";
  let ports: Readonly<Record<"scheduler" | "controllers", number>>;

  const admin = (path: string, asked: Asked = {}) => server.ask(path, { certificate: home.admin, ...asked });
  const post = (path: string, body: unknown, contentType = "application/json") =>
    admin(path, { method: "POST", body, contentType });

  before(async () => {
    home = await ServerHome.make();
    auditLog = join(home.dir, "audit.log");
    // the policy of every cluster that its owner did not change
    const none = { kubeconfig: "", isRoot: false, installDir: "", path: "" };
    await ensureAuditPolicy({ ...none, home: home.dir }, "p");
    const nowhere = `https://127.0.0.1:${await freePort()}`;
    const hooks = kubeconfig(nowhere, { token: secret("webhook-token") });
    const admission = {
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "AdmissionConfiguration",
      plugins: [
        {
          name: "ValidatingAdmissionWebhook",
          configuration: {
            apiVersion: "apiserver.config.k8s.io/v1",
            kind: "WebhookAdmissionConfiguration",
            kubeConfigFile: await home.file("hooks.kubeconfig", {
              ...hooks,
              users: [{ name: "*", user: { token: secret("hook-token") } }],
            }),
          },
        },
      ],
    };
    ports = { scheduler: await freePort(), controllers: await freePort() };
    server = await home.start(
      `--audit-policy-file=${join(home.dir, "profiles/p/audit-policy.yaml")}`,
      `--audit-log-path=${auditLog}`,
      `--token-auth-file=${await home.file("tokens.csv", `${secret("static")},ann,u1,"dev"\n`)}`,
      `--encryption-provider-config=${await home.file("encryption.yaml", encryption(encryptionKey))}`,
      `--authentication-token-webhook-config-file=${await home.file("authn.kubeconfig", kubeconfig(nowhere, { username: "hook", password: secret("password") }))}`,
      "--authorization-mode=Node,RBAC,Webhook",
      `--authorization-webhook-config-file=${await home.file("authz.kubeconfig", hooks)}`,
      `--admission-control-config-file=${await home.file("admission.yaml", admission)}`,
      "--controllers=*",
      `--scheduler-secure-port=${ports.scheduler}`,
      `--controller-manager-secure-port=${ports.controllers}`,
    );
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  const data = { password: Buffer.from(secret("data")).toString("base64") };

  test("a Secret that is stored is shown to who may read it, encrypted in the store, and not in tables or metadata", async () => {
    const annotations = { "example.com/plain": "shown" };
    const made = await post(SECRETS, {
      metadata: { name: "kept", annotations },
      data,
      stringData: { more: secret("string") },
    });
    assert.equal(made.code, 201, made.text);
    assert.throws(
      () => checkClean(made.text, "the answer to its writer"),
      "the canaries are found where they are",
    );
    for (const accept of [
      "application/json;as=Table;v=v1;g=meta.k8s.io",
      "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    ])
      for (const path of [`${SECRETS}/kept`])
        checkClean((await admin(path, { headers: { accept } })).text, accept);
    const { text } = await admin(`${SECRETS}/kept`);
    const { metadata } = JSON.parse(text) as { metadata: { managedFields: object } };
    checkClean(JSON.stringify(metadata), "managedFields");
  });

  test("what goes wrong with a Secret is told without it", async () => {
    const whole = { apiVersion: "v1", kind: "Secret", metadata: { name: "kept" } };
    const text = JSON.stringify({ metadata: { name: "x" }, data });
    const failing: readonly (readonly [code: number, what: string, path: string, asked: Asked])[] = [
      [400, "broken JSON", SECRETS, { method: "POST", body: text.slice(0, -3) }],
      [
        400,
        "JSON with rubbish after a value",
        SECRETS,
        { method: "POST", body: text.replace("}}", `} ${secret("x")}}`) },
      ],
      [
        400,
        "broken YAML",
        SECRETS,
        {
          method: "POST",
          body: `data:\n  a: ${secret("x")}\n b: "${secret("y")}\n: ]`,
          contentType: "application/yaml",
        },
      ],
      [
        400,
        "no base64",
        SECRETS,
        { method: "POST", body: { metadata: { name: "x" }, data: { a: `${secret("x")}!` } } },
      ],
      [
        400,
        "an object for a text",
        SECRETS,
        {
          method: "POST",
          body: { metadata: { name: "x" }, stringData: { a: { [secret("x")]: secret("y") } } },
        },
      ],
      [
        400,
        "a text for an object",
        SECRETS,
        { method: "POST", body: { metadata: { name: "x" }, data: secret("x") } },
      ],
      [400, "rubbish", SECRETS, { method: "POST", body: secret("x") }],
      [
        400,
        "broken protobuf",
        SECRETS,
        { method: "POST", body: `k8s\0${secret("x")}`, contentType: "application/vnd.kubernetes.protobuf" },
      ],
      [422, "no docker config", SECRETS, { method: "POST", body: docker(`{"auths": ${secret("x")}`) }],
      [
        422,
        "a docker config that is a text",
        SECRETS,
        { method: "POST", body: docker(JSON.stringify(secret("x"))) },
      ],
      [
        422,
        "another type",
        `${SECRETS}/kept`,
        { method: "PATCH", contentType: MERGE, body: { type: "kubernetes.io/tls", data } },
      ],
      [
        422,
        "a key that is none",
        `${SECRETS}/kept`,
        { method: "PATCH", contentType: MERGE, body: { data: { "a b": data.password } } },
      ],
      [
        400,
        "a broken merge patch",
        `${SECRETS}/kept`,
        { method: "PATCH", contentType: MERGE, body: `{"data": {"a": "${secret("x")}` },
      ],
      [
        400,
        "a strategic patch that is a text",
        `${SECRETS}/kept`,
        { method: "PATCH", contentType: STRATEGIC, body: JSON.stringify(secret("x")) },
      ],
      [
        422,
        "a JSON patch whose test fails",
        `${SECRETS}/kept`,
        {
          method: "PATCH",
          contentType: JSON_PATCH,
          body: [{ op: "test", path: "/data/password", value: secret("x") }],
        },
      ],
      [
        422,
        "a JSON patch that puts a text where none may be",
        `${SECRETS}/kept`,
        {
          method: "PATCH",
          contentType: JSON_PATCH,
          body: [{ op: "replace", path: "/data", value: secret("x") }],
        },
      ],
      [
        400,
        "an apply of broken YAML",
        `${SECRETS}/kept?fieldManager=m`,
        { method: "PATCH", contentType: APPLY, body: `data: {a: "${secret("x")}` },
      ],
      [
        409,
        "an apply in conflict",
        `${SECRETS}/kept?fieldManager=m`,
        {
          method: "PATCH",
          contentType: APPLY,
          body: { ...whole, data: { password: Buffer.from(secret("other")).toString("base64") } },
        },
      ],
      [
        409,
        "an update of another version",
        `${SECRETS}/kept`,
        { method: "PUT", body: { ...whole, metadata: { name: "kept", resourceVersion: "1" }, data } },
      ],
      [409, "one that is there", SECRETS, { method: "POST", body: { ...whole, data } }],
      [
        422,
        "strict decoding",
        `${SECRETS}?fieldValidation=Strict`,
        { method: "POST", body: { metadata: { name: "x" }, dataa: data } },
      ],
    ];
    for (const [code, what, path, asked] of failing) {
      const answer = await admin(path, asked);
      assert.ok(
        answer.code === code || (what === "strict decoding" && answer.code === 400),
        `${what}: ${answer.code} ${answer.text}`,
      );
      checkClean(answer.text, what);
    }
  });

  test("tokens that are refused, reviewed or asked for are told of nowhere", async () => {
    for (const token of [
      secret("nobody"),
      `${secret("a")}.${secret("b")}.${secret("c")}`,
      "abcdef.canary0123456789",
    ])
      assert.equal((await server.ask("/api/v1/secrets", { token })).code, 401);
    assert.equal((await server.ask("/api/v1/secrets", { token: secret("static") })).code, 403);
    const basic = `Basic ${Buffer.from(`ann:${secret("password")}`).toString("base64")}`;
    await server.ask("/api/v1/secrets", { headers: { authorization: basic } });
    const review = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token: secret("reviewed") },
    };
    await post("/apis/authentication.k8s.io/v1/tokenreviews", review);
    await post("/apis/authentication.k8s.io/v1/tokenreviews", { ...review, spec: { token: [secret("x")] } });
    const protocols = `base64url.bearer.authorization.k8s.io.${Buffer.from(secret("socket")).toString("base64url")}, v5.channel.k8s.io`;
    const upgrade = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol": protocols,
    };
    checkClean(
      (await server.ask("/api/v1/namespaces/default/pods/x/exec?command=a", { headers: upgrade })).text,
      "a socket",
    );
  });

  test("a webhook that cannot be reached is told of without what it would have been shown", async () => {
    const hook = {
      name: "down.example.com",
      clientConfig: { url: `https://127.0.0.1:${await freePort()}/hook` },
      rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["secrets"] }],
      sideEffects: "None",
      admissionReviewVersions: ["v1"],
      failurePolicy: "Fail",
    };
    const HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    const named = { metadata: { name: "down" }, webhooks: [hook] };
    assert.equal((await post(HOOKS, named)).code, 201);
    const answer = await server.until(
      `${SECRETS}?dryRun=All`,
      { method: "POST", certificate: home.admin, body: { metadata: { name: "h" }, data } },
      ({ code }) => code !== 201,
    );
    assert.equal(answer.code, 500);
    assert.match(answer.text, /failed calling webhook \\"down\.example\.com\\"/);
    checkClean(answer.text, "the answer");
    await admin(`${HOOKS}/down`, { method: "DELETE" });
  });

  test("Secrets that controllers stumble over are told of without what they hold", async () => {
    const account = { "kubernetes.io/service-account.name": "nobody" };
    await post(SECRETS, {
      metadata: { name: "of-nobody", annotations: account },
      type: "kubernetes.io/service-account-token",
      data: { token: data.password },
    });
    const bootstrap = (name: string, more: object): Promise<unknown> =>
      post("/api/v1/namespaces/kube-system/secrets", {
        metadata: { name: `bootstrap-token-${name}` },
        type: "bootstrap.kubernetes.io/token",
        stringData: {
          "token-id": name,
          "token-secret": "0123456789abcdef",
          "usage-bootstrap-signing": "true",
          "usage-bootstrap-authentication": "true",
          ...more,
        },
      });
    await bootstrap("badexp", { expiration: secret("expiration") });
    await bootstrap("badkey", { "token-secret": secret("token-secret") });
    await bootstrap("badgrp", { "auth-extra-groups": secret("groups") });
    const pod = {
      metadata: { name: "p" },
      spec: {
        serviceAccountName: "default",
        automountServiceAccountToken: false,
        imagePullSecrets: [{ name: "kept" }],
        containers: [
          {
            name: "c",
            image: "i",
            env: [{ name: "A", valueFrom: { secretKeyRef: { name: "kept", key: "missing" } } }],
          },
        ],
      },
    };
    const asked: Asked = { method: "POST", body: pod, certificate: home.admin };
    await server.until("/api/v1/namespaces/default/pods", asked, ({ code }) => code === 201);
  });

  test("nothing of all this is in the log, the audit log, the Events, the metrics and the store", async () => {
    for (const path of [
      "/api/v1/events",
      "/apis/events.k8s.io/v1/events",
      "/api/v1/configmaps",
      "/metrics",
      "/metrics/slis",
      "/readyz?verbose",
      "/openapi/v2",
      "/debug/api_priority_and_fairness/dump_requests",
    ])
      checkClean((await admin(path)).text, path);
    for (const port of Object.values(ports))
      for (const path of ["/metrics", "/metrics/slis", "/configz", "/flagz", "/statusz", "/healthz?verbose"])
        checkClean((await admin(path, { port })).text, `${port} ${path}`);
    for (const path of ["/configz", "/flagz", "/statusz", "/version"])
      checkClean((await admin(path)).text, path);
    await server[Symbol.asyncDispose]();
    const audit = await readFile(auditLog, "utf8");
    for (const verb of ["create", "patch", "update"])
      assert.ok(audit.includes(`"verb":"${verb}"`), `the audit log knows ${verb}`);
    checkClean(audit, "the audit log");
    assert.match(server.output, /"msg":/);
    checkClean(server.output, "the log");
    const files = await readdir(join(home.dir, "data"), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      const path = join(file.parentPath, file.name);
      checkClean(await readFile(path, "latin1"), `the store: ${path}`);
    }
  });
});
