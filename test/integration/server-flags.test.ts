/** `k8ts server` as a process: what the flags of authentication and authorization say counts, by real requests. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { systemClock } from "#apimachinery";
import {
  createCertificateAuthority,
  generateServiceAccountKey,
  issueCertificate,
  type KeyPairPem,
} from "#component-base/pki";
import { refusalOf, ServerHome, type Answered, type Asked, type ServerProcess } from "./server-process.ts";

const WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const CONFIGMAPS = "/api/v1/namespaces/default/configmaps";

interface Who {
  readonly status: { readonly userInfo: { readonly username: string; readonly groups: readonly string[] } };
}

const review: Asked = {
  method: "POST",
  body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
};

function whoami(server: ServerProcess, asked: Asked): Promise<Answered<Who>> {
  return server.ask<Who>(WHOAMI, { ...review, ...asked });
}

/** Name and groups, or the status that refuses. */
async function nameOf(server: ServerProcess, token: string): Promise<string | number> {
  const { code, json } = await whoami(server, { token });
  if (code !== 201) return code;
  const { username, groups } = json.status.userInfo;
  return [username, ...groups].join(" ");
}

suite("k8ts server", () => {
  let home: ServerHome;
  /** Issuer of OpenID tokens, and webhooks. */
  let web: Server;
  let url = "";
  let webCa = "";
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  /** By path: what a webhook's review is answered with; every question is kept. */
  const answers = new Map<string, object>();
  const questions: { readonly path: string; readonly body: { readonly apiVersion: string } }[] = [];

  before(async () => {
    home = await ServerHome.make();
    const authority = await createCertificateAuthority("elsewhere", systemClock);
    webCa = authority.certificatePem;
    const pair = await issueCertificate(
      authority,
      { commonName: "127.0.0.1", ipAddresses: ["127.0.0.1"], usages: ["server"] },
      systemClock,
    );
    keys = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "ES256", use: "sig" };
    web = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, (asked, response) => {
      const path = asked.url ?? "/";
      const chunks: Buffer[] = [];
      asked.on("data", (chunk: Buffer) => chunks.push(chunk));
      asked.on("end", () => {
        response.setHeader("content-type", "application/json");
        if (asked.method === "POST") {
          const body = JSON.parse(Buffer.concat(chunks).toString()) as { readonly apiVersion: string };
          questions.push({ path, body });
          response.end(JSON.stringify({ ...body, status: answers.get(path.split("?")[0]!) ?? {} }));
        } else if (path.endsWith("/keys")) response.end(JSON.stringify({ keys: [jwk] }));
        else response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys` }));
      });
    });
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    url = `https://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  after(async () => {
    web.closeAllConnections();
    web.close();
    await home[Symbol.asyncDispose]();
  });

  /** A token of the issuer elsewhere. */
  function sign(claims: object): Promise<string> {
    const now = Math.floor(systemClock.now() / 1_000);
    return new SignJWT({ iss: url, aud: "k8ts", sub: "jane", iat: now, exp: now + 600, ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(keys.privateKey);
  }

  function webhookFile(path: string): Promise<string> {
    const cluster = {
      server: url + path,
      "certificate-authority-data": Buffer.from(webCa).toString("base64"),
    };
    return home.file(`${path.slice(1)}.kubeconfig`, {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "w", cluster }],
      users: [{ name: "w", user: {} }],
      contexts: [{ name: "w", context: { cluster: "w", user: "w" } }],
      "current-context": "w",
    });
  }

  test("--token-auth-file, --anonymous-auth=false and --oidc-* say who somebody is", async () => {
    const tokens = await home.file("tokens.csv", 'static-token-1,ann,u1,"dev,ops"\n');
    const issuerCa = await home.file("issuer.crt", webCa);
    await using server = await home.start(
      `--token-auth-file=${tokens}`,
      "--anonymous-auth=false",
      `--oidc-issuer-url=${url}`,
      "--oidc-client-id=k8ts",
      `--oidc-ca-file=${issuerCa}`,
      "--oidc-username-claim=name",
      "--oidc-username-prefix=oidc:",
      "--oidc-groups-claim=roles",
      "--oidc-groups-prefix=oidc:",
      "--oidc-signing-algs=ES256",
      "--oidc-required-claim=hd=example.com",
    );
    assert.equal(await nameOf(server, "static-token-1"), "ann dev ops system:authenticated");
    assert.equal(await nameOf(server, "static-token-2"), 401);
    for (const path of ["/version", "/healthz", "/api/v1/namespaces"])
      assert.equal((await server.ask(path)).code, 401, path);
    const claims = { name: "jane", roles: ["web"], hd: "example.com" };
    const expected = "oidc:jane oidc:web system:authenticated";
    assert.equal(await nameOf(server, await sign(claims)), expected);
    assert.equal(await nameOf(server, await sign({ ...claims, hd: "other" })), 401);
    assert.equal(await nameOf(server, await sign({ ...claims, aud: "other" })), 401);
  });

  function authenticationFile(prefix: string, path: string): string {
    return `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous: { enabled: true, conditions: [{ path: ${path} }] }
jwt:
- issuer: { url: "${url}", audiences: [k8ts], certificateAuthority: ${JSON.stringify(webCa)} }
  claimMappings: { username: { claim: sub, prefix: "${prefix}" } }
`;
  }

  test("--authentication-config is read again when it changes; a bad file changes nothing but a counter", async () => {
    const path = await home.file("authn.yaml", authenticationFile("a:", "/healthz"));
    await using server = await home.start(`--authentication-config=${path}`);
    const token = await sign({});
    // its keys are fetched when the server has begun
    await server.until<Who>(WHOAMI, { ...review, token }, ({ code }) => code === 201);
    assert.match(String(await nameOf(server, token)), /^a:jane /);
    assert.equal((await server.ask("/healthz")).code, 200);
    assert.equal((await server.ask("/version")).code, 401);
    const count = (status: string): Promise<number> =>
      server.metric(`apiserver_authentication_config_controller_automatic_reloads_total{status="${status}"}`);
    await home.file(
      "authn.yaml",
      authenticationFile("a:", "/healthz").replace("claimMappings", "claimMapping"),
    );
    await eventually(async () => (await count("failure")) === 1);
    assert.match(server.output, /reloading authentication config/);
    assert.match(String(await nameOf(server, token)), /^a:jane /);
    await home.file("authn.yaml", authenticationFile("b:", "/version"));
    await server.until("/version", {}, ({ code }) => code === 200);
    // an answer about a token is remembered for ten seconds
    await server.until<Who>(
      WHOAMI,
      { ...review, token },
      ({ code, json }) => code === 201 && json.status.userInfo.username === "b:jane",
    );
    assert.equal((await server.ask("/healthz")).code, 401);
    assert.deepEqual([await count("success"), await count("failure")], [1, 1]);
  });

  test("--authorization-config is read again when it changes: a webhook that is added is asked; a bad file keeps the old", async () => {
    const webhook = (name: string): string => `
- type: Webhook
  name: ${name}
  webhook: { timeout: 3s, authorizedTTL: 1ms, unauthorizedTTL: 1ms, subjectAccessReviewVersion: v1, matchConditionSubjectAccessReviewVersion: v1, failurePolicy: Deny, connectionInfo: { type: KubeConfigFile, kubeConfigFile: ${join(home.dir, `${name}.kubeconfig`)} } }`;
    const configuration = (...names: readonly string[]): string =>
      `apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers:${names.map(webhook).join("")}\n- { type: Node, name: node }\n- { type: RBAC, name: rbac }\n`;
    await webhookFile("/first");
    await webhookFile("/second");
    answers.set("/first", { allowed: false });
    answers.set("/second", { allowed: true, reason: "it is me" });
    const path = await home.file("authz.yaml", configuration("first"));
    await using server = await home.start(`--authorization-config=${path}`);
    const jane = await home.identity("jane");
    const ask = (): Promise<Answered> => server.ask(CONFIGMAPS, { certificate: jane });
    assert.equal((await ask()).code, 403);
    assert.equal(questions.at(-1)?.path.split("?")[0], "/first");
    const count = (status: string): Promise<number> =>
      server.metric(`apiserver_authorization_config_controller_automatic_reloads_total{status="${status}"}`);
    await home.file(
      "authz.yaml",
      configuration("first").replace("failurePolicy: Deny", "failurePolicy: Maybe"),
    );
    await eventually(async () => (await count("failure")) === 1);
    assert.match(server.output, /reloading authorization config/);
    assert.equal((await ask()).code, 403);
    await home.file("authz.yaml", configuration("first", "second"));
    await server.until(CONFIGMAPS, { certificate: jane }, ({ code }) => code === 200);
    assert.deepEqual(
      questions.slice(-2).map((question) => question.path.split("?")[0]),
      ["/first", "/second"],
    );
    assert.deepEqual([await count("success"), await count("failure")], [1, 1]);
  });

  test("--authentication-token-webhook-* and --authorization-mode=Webhook ask elsewhere", async () => {
    const authn = await webhookFile("/authn");
    const authz = await webhookFile("/authz");
    answers.set("/authn", { authenticated: true, user: { username: "joe", groups: ["web"] } });
    answers.set("/authz", { allowed: true });
    await using server = await home.start(
      `--authentication-token-webhook-config-file=${authn}`,
      "--authentication-token-webhook-version=v1",
      "--authentication-token-webhook-cache-ttl=1m",
      "--authorization-mode=Node,RBAC,Webhook",
      `--authorization-webhook-config-file=${authz}`,
      "--authorization-webhook-version=v1",
      "--authorization-webhook-cache-authorized-ttl=1m",
    );
    assert.equal((await server.ask(CONFIGMAPS, { token: "anything" })).code, 200);
    const asked = questions.length;
    assert.equal((await server.ask(CONFIGMAPS, { token: "anything" })).code, 200);
    assert.equal(questions.length, asked, "both answers are remembered");
    const [who, may] = questions.slice(-2);
    assert.equal(who?.body.apiVersion, "authentication.k8s.io/v1");
    assert.equal(may?.body.apiVersion, "authorization.k8s.io/v1");
    answers.set("/authz", { allowed: false, denied: true, reason: "not today" });
    const refused = await server.ask(`${CONFIGMAPS}/x`, { token: "anything" });
    assert.equal(refused.code, 403);
    assert.match(refused.json.message ?? "", /: not today$/);
  });

  test("--service-account-*-file: a new key signs, tokens of the old one stay good until it is gone", async () => {
    const keyFile = async (name: string): Promise<string> =>
      home.file(name, (await generateServiceAccountKey()).privateKeyPem);
    const [old, next] = [await keyFile("old.key"), await keyFile("new.key")];
    const certificate = home.admin;
    const tokenOf = async (server: ServerProcess): Promise<string> => {
      const { code, text, json } = await server.ask<{ readonly status: { readonly token: string } }>(
        "/api/v1/namespaces/default/serviceaccounts/robot/token",
        {
          method: "POST",
          certificate,
          body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
        },
      );
      assert.equal(code, 201, text);
      return json.status.token;
    };
    const keyIds = async (server: ServerProcess): Promise<number> => {
      const { json } = await server.ask<{ readonly keys: readonly unknown[] }>("/openid/v1/jwks", {
        certificate,
      });
      return json.keys.length;
    };
    let first: string;
    {
      await using server = await home.start(
        `--service-account-key-file=${old}`,
        `--service-account-signing-key-file=${old}`,
      );
      const made = await server.ask("/api/v1/namespaces/default/serviceaccounts", {
        method: "POST",
        certificate,
        body: { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot" } },
      });
      assert.equal(made.code, 201, made.text);
      first = await tokenOf(server);
      assert.equal(await keyIds(server), 1);
    }
    let second: string;
    {
      await using server = await home.start(
        `--service-account-key-file=${old}`,
        `--service-account-key-file=${next}`,
        `--service-account-signing-key-file=${next}`,
      );
      second = await tokenOf(server);
      assert.equal(await keyIds(server), 2);
      for (const token of [first, second])
        assert.match(String(await nameOf(server, token)), /^system:serviceaccount:default:robot /);
      assert.notEqual(kid(first), kid(second));
    }
    await using server = await home.start(
      `--service-account-key-file=${next}`,
      `--service-account-signing-key-file=${next}`,
    );
    assert.equal(await nameOf(server, first), 401);
    assert.match(String(await nameOf(server, second)), /^system:serviceaccount:default:robot /);
  });

  test("certificates that are replaced count without a restart: serving, clients' and front proxies' authorities", async () => {
    const proxies = await createCertificateAuthority("front-proxy-ca", systemClock);
    await home.write("front-proxy-ca", proxies);
    await home.issue(proxies, "front-proxy-client", "client");
    await using server = await home.start();
    const { admin } = home;
    const other = await createCertificateAuthority("kubernetes", systemClock);
    const stranger = await issueCertificate(
      other,
      { commonName: "jim", organizations: ["system:masters"], usages: ["client"] },
      systemClock,
    );
    const proxyOf = (ca: typeof proxies): Promise<KeyPairPem> =>
      issueCertificate(ca, { commonName: "front-proxy-client", usages: ["client"] }, systemClock);
    const headers = { "x-remote-user": "ann", "x-remote-group": "system:masters" };
    const serving = await home.issue(home.ca, "apiserver", "server");
    await server.until("/version", {}, ({ shown }) => shown === fingerprint(serving));

    assert.ok(isBad(await server.ask(CONFIGMAPS, { certificate: stranger })));
    await home.file("ca.crt", home.ca.certificatePem + other.certificatePem);
    await server.until(CONFIGMAPS, { certificate: stranger }, isGood);
    assert.equal((await server.ask(CONFIGMAPS, { certificate: admin })).code, 200);
    const config = await server.until<{ readonly data: Readonly<Record<string, string>> }>(
      "/api/v1/namespaces/kube-public/configmaps/cluster-info",
      { certificate: admin },
      ({ json }) => {
        const [, data = ""] =
          /"certificate-authority-data": "([^"]+)"/.exec(json.data["kubeconfig"] ?? "") ?? [];
        return Buffer.from(data, "base64").toString().includes(other.certificatePem);
      },
    );
    assert.equal(config.code, 200);

    const [one, two] = [await proxyOf(proxies), await proxyOf(other)];
    assert.equal((await server.ask(CONFIGMAPS, { certificate: one, headers })).code, 200);
    assert.ok(isBad(await server.ask(CONFIGMAPS, { certificate: two, headers })));
    await home.file("front-proxy-ca.crt", other.certificatePem);
    // the headers are read again when the authority of proxies changes, on new connections
    const serving2 = await home.issue(home.ca, "apiserver", "server");
    await server.until("/version", {}, ({ shown }) => shown === fingerprint(serving2));
    await server.until(CONFIGMAPS, { certificate: two, headers }, isGood);
    assert.ok(isBad(await server.ask(CONFIGMAPS, { certificate: one, headers })));

    await home.file("ca.crt", home.ca.certificatePem);
    await server.until(CONFIGMAPS, { certificate: stranger }, isBad);
    assert.equal((await server.ask(CONFIGMAPS, { certificate: admin })).code, 200);
  });

  for (const { what, flags, message } of [
    {
      what: "a configuration file beside flags of OIDC",
      flags: ["--authentication-config=x", "--oidc-issuer-url=https://x", "--oidc-client-id=y"],
      message: /authentication-config file and oidc-\* flags are mutually exclusive/,
    },
    {
      what: "an issuer without a client",
      flags: ["--oidc-issuer-url=https://x"],
      message: /oidc-issuer-url and oidc-client-id must be specified together/,
    },
    {
      what: "a configuration file beside modes",
      flags: ["--authorization-config=x", "--authorization-mode=RBAC"],
      message: /--authorization-config can not be specified when --authorization-mode/,
    },
    {
      what: "an unknown mode",
      flags: ["--authorization-mode=Maybe"],
      message: /authorization-mode "Maybe" is not a valid mode/,
    },
    {
      what: "a webhook without its file",
      flags: ["--authorization-mode=Webhook"],
      message: /authorization config file not passed/,
    },
  ])
    test(`${what} keeps the server from starting, with one line`, async () => {
      assert.match(await refusalOf(home, ...flags), message);
    });
});

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error("it did not happen in a minute");
    await systemClock.sleep(200, new AbortController().signal);
  }
}

const isBad = ({ code }: Answered): boolean => code === 401 || code === 403;
const isGood = ({ code }: Answered): boolean => code === 200;

function fingerprint({ certificatePem }: KeyPairPem): string {
  return new X509Certificate(certificatePem).fingerprint256;
}

/** The id of the key that signed it. */
function kid(token: string): string | undefined {
  const header = JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString()) as {
    readonly kid?: string;
  };
  return header.kid;
}
