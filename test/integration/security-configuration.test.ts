/** Issuers and webhooks elsewhere: what a configuration file says about them counts, also when it changes. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { silentLogger, systemClock } from "#apimachinery";
import {
  ConfiguredAuthentication,
  LateMetrics,
  loadAuthenticationConfiguration,
  loadAuthorizationConfiguration,
  openAuthorization,
  openReviewWebhook,
  SIGNING_ALGORITHMS,
  tokenWebhook,
} from "#apiserver";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { ISSUER, startSecurityServer, type SecurityServer } from "./security-server.ts";

const WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };

interface UserStatus {
  readonly status: {
    readonly userInfo: {
      readonly username: string;
      readonly uid?: string;
      readonly groups: readonly string[];
      readonly extra?: object;
    };
  };
}

async function started(text: string): Promise<readonly [ConfiguredAuthentication, SecurityServer]> {
  const configured = new ConfiguredAuthentication({
    configuration: loadAuthenticationConfiguration(text, "test", [ISSUER]),
    algorithms: SIGNING_ALGORITHMS,
    anonymousAuth: true,
    disallowedIssuers: [ISSUER],
    clock: systemClock,
    logger: silentLogger,
  });
  const cluster = await startSecurityServer(
    { jwt: configured },
    { allowsAnonymous: (path) => configured.allowsAnonymous(path) },
  );
  return [configured, cluster];
}

function authorizationFile(policy: string, kubeconfig: string): string {
  return `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- { type: Webhook, name: first, webhook: { timeout: 3s, authorizedTTL: 5m, unauthorizedTTL: 30s, subjectAccessReviewVersion: v1, matchConditionSubjectAccessReviewVersion: v1, failurePolicy: ${policy}, connectionInfo: { type: KubeConfigFile, kubeConfigFile: ${kubeconfig} }, matchConditions: [{ expression: "has(request.resourceAttributes) && request.resourceAttributes.resource == 'configmaps'" }] } }
- { type: RBAC, name: rbac }`;
}

suite("configuration", () => {
  let folder: string;
  let ca: string;
  let web: Server;
  let url: string;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  /** What the webhook is asked last, and what it answers next. */
  let asked: { spec: Record<string, unknown> } | undefined;
  let answer: object | number = {};
  let calls = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "k8ts-security-"));
    const authority = await createCertificateAuthority("elsewhere", systemClock);
    ca = authority.certificatePem;
    const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
      authority,
      { commonName: "127.0.0.1", ipAddresses: ["127.0.0.1"], usages: ["server"] },
      systemClock,
    );
    keys = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "ES256", use: "sig" };
    web = createServer({ cert, key }, (request, response) => {
      if (request.method === "POST") {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          calls++;
          asked = JSON.parse(Buffer.concat(chunks).toString()) as typeof asked;
          response.setHeader("content-type", "application/json");
          if (typeof answer === "number") response.writeHead(answer).end("{}");
          else response.end(JSON.stringify({ ...asked, status: answer }));
        });
        return;
      }
      const body =
        request.url?.endsWith("/keys") === true ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/keys` };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    url = `https://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  after(async () => {
    web.close();
    await rm(folder, { recursive: true });
  });

  const configuration = (mappings: string, more = ""): string => `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous: { enabled: true, conditions: [{ path: /healthz }] }
jwt:
- issuer:
    url: ${url}
    audiences: [a, b]
    audienceMatchPolicy: MatchAny
    certificateAuthority: ${JSON.stringify(ca)}
  claimMappings:
${mappings.replaceAll(/^/gm, "    ")}
${more}`;
  const MAPPINGS = `username: { expression: "'ext:' + claims.sub" }
groups: { expression: "claims.roles.split(',')" }
uid: { claim: uid }
extra: [{ key: example.com/team, valueExpression: claims.team }]`;
  const RULES = `  claimValidationRules:
  - { claim: hd, requiredValue: example.com }
  - { expression: "claims.exp - claims.nbf <= 3600", message: too long }
  userValidationRules:
  - { expression: "!user.username.startsWith('ext:system:')", message: reserved }`;

  const sign = (more: object = {}): Promise<string> => {
    const now = Math.floor(systemClock.now() / 1_000);
    const claims = {
      iss: url,
      aud: "b",
      sub: "jane",
      roles: "dev,ops",
      uid: "u1",
      team: "x",
      hd: "example.com",
      jti: "1",
      nbf: now,
      exp: now + 600,
    };
    return new SignJWT({ ...claims, ...more })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(keys.privateKey);
  };
  test("a token of an issuer elsewhere becomes the user its claims say, by the rules of the file", async () => {
    const [configured, cluster] = await started(configuration(MAPPINGS, RULES));
    using stopped = configured;
    assert.equal(stopped.allowsAnonymous("/version"), false);
    await using server = cluster;
    const ask = async (token: string) => server.send(WHOAMI, { method: "POST", body: review, token });
    const { code, json, text } = await ask(await sign());
    assert.equal(code, 201, text);
    const { username, uid, groups, extra } = (json as unknown as UserStatus).status.userInfo;
    assert.deepEqual(
      { username, uid, groups, extra },
      {
        username: "ext:jane",
        uid: "u1",
        groups: ["dev", "ops", "system:authenticated"],
        extra: { "authentication.kubernetes.io/credential-id": ["JTI=1"], "example.com/team": ["x"] },
      },
    );
    const now = Math.floor(systemClock.now() / 1_000);
    for (const more of [
      { aud: "c" },
      { exp: now - 1 },
      { hd: "other" },
      { exp: now + 7_200 },
      { sub: "system:admin" },
      { roles: 1 },
    ])
      assert.equal((await ask(await sign(more))).code, 401, JSON.stringify(more));
    const { privateKey } = await generateKeyPair("ES256");
    const forged = await new SignJWT({ iss: url, aud: "b", sub: "jane", exp: now + 60 })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(privateKey);
    assert.equal((await ask(forged)).code, 401);
    assert.equal((await server.send("/healthz")).code, 200);
    assert.equal((await server.send("/version")).code, 401);
  });

  test("loadAuthenticationConfiguration() says all that is wrong, in upstream's words", () => {
    for (const [mappings, more, message] of [
      ["username: { claim: sub }", "", "prefix is required when claim is set"],
      [
        "username: { claim: sub, expression: claims.sub, prefix: '' }",
        "",
        "claim and expression can't both be set",
      ],
      ["username: { expression: claims.email }", "", "claims.email_verified must be used"],
      ["username: { expression: 'claims.(' }", "", "compilation failed"],
      [
        "username: { claim: sub, prefix: '' }\nextra: [{ key: a.kubernetes.io/x, valueExpression: claims.a }]",
        "",
        "reserved for Kubernetes use",
      ],
      [
        "username: { claim: sub, prefix: '' }",
        "  userValidationRules: [{ expression: user.nope == 'a' }]",
        "nope",
      ],
      [
        "username: { claim: sub, prefix: '' }",
        "  claimValidationRules: [{ expression: claims.sub }, {}]",
        "claim or expression is required",
      ],
      ["username: { claim: sub, prefix: '' }\nunknown: 1", "", "unknown field"],
    ] as const)
      assert.throws(() => loadAuthenticationConfiguration(configuration(mappings, more), "f", []), {
        message: new RegExp(message),
      });
    assert.throws(
      () => loadAuthenticationConfiguration(configuration(MAPPINGS), "f", [url]),
      /must not overlap with disallowed issuers/,
    );
  });

  test("a changed file counts without a restart; a bad one changes nothing but a counter", async () => {
    const path = join(folder, "authn.yaml");
    const text = configuration(MAPPINGS);
    await writeFile(path, text);
    const counted: string[] = [];
    const metrics = new LateMetrics();
    const counts = Promise.withResolvers<void>();
    const recovered = Promise.withResolvers<void>();
    metrics.bind({
      inc: (name, labels = {}) => {
        if (!name.includes("reloads_total")) return;
        counted.push(labels["status"]!);
        (labels["status"] === "failure" ? counts : recovered).resolve();
      },
      set: () => {},
      observe: () => {},
    });
    // Looks at once, again and again.
    const clock = {
      ...systemClock,
      sleep: (_ms: number, signal: AbortSignal) => systemClock.sleep(20, signal),
    };
    using configured = new ConfiguredAuthentication({
      configuration: loadAuthenticationConfiguration(text, path, []),
      algorithms: SIGNING_ALGORITHMS,
      anonymousAuth: true,
      disallowedIssuers: [],
      clock,
      logger: silentLogger,
      metrics,
    });
    const stop = new AbortController();
    const running = configured.run(path, text, stop.signal);
    await writeFile(path, "nonsense: true");
    await counts.promise;
    assert.equal(configured.allowsAnonymous("/version"), false);
    await writeFile(path, text.replace("/healthz", "/version"));
    await recovered.promise;
    assert.equal(configured.allowsAnonymous("/version"), true);
    assert.equal((await configured.authenticateToken(await sign(), stop.signal))?.user.name, "ext:jane");
    stop.abort();
    await running;
    assert.deepEqual([...new Set(counted)].toSorted(), ["failure", "success"]);
  });

  const kubeconfig = async (): Promise<string> => {
    const path = join(folder, "webhook.yaml");
    const cluster = {
      server: `${url}/review`,
      "certificate-authority-data": Buffer.from(ca).toString("base64"),
    };
    await writeFile(
      path,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "w", cluster }],
        users: [{ name: "w", user: {} }],
        contexts: [{ name: "w", context: { cluster: "w", user: "w" } }],
        "current-context": "w",
      }),
    );
    return path;
  };

  test("a token webhook is asked for tokens that nobody else knows, with audiences", async () => {
    const webhook = await openReviewWebhook({
      kubeconfig: await kubeconfig(),
      clock: systemClock,
      random: () => 0,
    });
    await using server = await startSecurityServer({ tokenWebhook: tokenWebhook(webhook, "v1", [ISSUER]) });
    const ask = async (token: string) => server.send(WHOAMI, { method: "POST", body: review, token });
    answer = { authenticated: true, user: { username: "joe", groups: ["web"] } };
    const { code, json } = await ask("t1");
    assert.equal(code, 201);
    assert.deepEqual((json as unknown as UserStatus).status.userInfo.groups, ["web", "system:authenticated"]);
    assert.deepEqual(asked?.spec, { token: "t1", audiences: [ISSUER] });
    answer = { authenticated: true, user: { username: "joe" }, audiences: ["elsewhere"] };
    assert.equal((await ask("t2")).code, 401);
    answer = { authenticated: false, error: "no" };
    assert.equal((await ask("t3")).code, 401);
    answer = 403;
    assert.equal((await ask("t4")).code, 401);
    await webhook.close();
  });

  test("an authorization webhook decides in its place, remembers, and fails as its policy says", async () => {
    const webhookFile = await kubeconfig();
    const path = "/api/v1/namespaces/default/configmaps";
    for (const policy of ["NoOpinion", "Deny"]) {
      const loaded = loadAuthorizationConfiguration(authorizationFile(policy, webhookFile), "authz");
      await using authorization = await openAuthorization({
        configuration: loaded,
        clock: systemClock,
        random: () => 0,
      });
      await using server = await startSecurityServer({}, { authorization });
      const jane = await server.certificate("jane");
      const get = (query = "", certificate = jane) => server.send(`${path}${query}`, { certificate });
      answer = { allowed: true };
      assert.equal((await get("?labelSelector=a%3Db")).code, 200);
      assert.deepEqual((asked!.spec["resourceAttributes"] as Record<string, unknown>)["labelSelector"], {
        requirements: [{ key: "a", operator: "In", values: ["b"] }],
      });
      const asksBefore = calls;
      assert.equal((await get("?labelSelector=a%3Db")).code, 200);
      assert.equal(calls, asksBefore, "remembered");
      answer = { allowed: false, denied: true, reason: "because" };
      const denied = await get("?labelSelector=c");
      assert.equal(denied.code, 403);
      assert.match(denied.json.message ?? "", /: because$/);
      answer = 400;
      assert.equal((await get("?labelSelector=d")).code, 403);
      const admin = await server.certificate("admin", "system:masters");
      assert.equal((await get("?labelSelector=e", admin)).code, 200);
      const skipped = calls;
      assert.equal(
        (await server.send("/api/v1/namespaces/default/secrets", { certificate: jane })).code,
        403,
      );
      assert.equal(calls, skipped, "not asked about what its conditions leave out");
    }
    assert.throws(
      () => loadAuthorizationConfiguration(authorizationFile("Maybe", webhookFile), "authz"),
      /failurePolicy/,
    );
    assert.throws(
      () => loadAuthorizationConfiguration(authorizationFile("Deny", webhookFile), "authz", ["Node"]),
      /missing required types: \[Node\]/,
    );
  });
});
