import assert from "node:assert/strict";
import { createServer, request as requestHttps, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { systemClock } from "#apimachinery";
import { issueCertificate } from "#component-base/pki";
import {
  API_SERVICES,
  apiService,
  ask,
  createService,
  createSlice,
  NAMESPACE,
  newPki,
  open,
  portOf,
  startServer,
  until,
  untilCondition,
  type Pki,
  type RunningServer,
} from "./aggregation-fixture.ts";

/** A plain HTTPS server with legacy discovery alone, which says what it was asked. */
const GROUP = "echo.example.com";
const BASE = `/apis/${GROUP}/v1`;
let pki: Pki;
let front: RunningServer;
let backend: Server;
let admin: { readonly as: Awaited<ReturnType<Pki["client"]>> };
/** Requests that reached the backend, but for what the server asks on its own. */
const seen: IncomingMessage[] = [];

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { url = "" } = request;
  const json = (status: number, value: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  if (url === "/apis") return json(200, { kind: "APIGroupList", groups: [] });
  if (url === BASE) {
    const verbs = ["get", "list"];
    return json(200, {
      kind: "APIResourceList",
      groupVersion: `${GROUP}/v1`,
      resources: [{ name: "echoes", singularName: "echo", namespaced: true, kind: "Echo", verbs }],
    });
  }
  if (!url.startsWith(`${BASE}/`)) return json(404, {});
  seen.push(request);
  if (url.endsWith("/redirect")) {
    response.writeHead(302, { location: "https://elsewhere/" }).end();
    return;
  }
  if (url.endsWith("/forever")) {
    response.writeHead(200, { "content-type": "application/json" }).write('{"line":1}\n');
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => void chunks.push(chunk));
  request.on("end", () => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    const body = Buffer.concat(chunks).toString();
    json(299, { method: request.method, url, raw: request.rawHeaders, body, client: subject.CN });
  });
}

before(async () => {
  pki = await newPki();
  const names = { commonName: "echo", dnsNames: [`echo.${NAMESPACE}.svc`] };
  const serving = await issueCertificate(pki.ca, { ...names, usages: ["server"] }, systemClock);
  backend = createServer(
    {
      cert: serving.certificatePem,
      key: serving.privateKeyPem,
      ca: pki.frontProxyCa.certificatePem,
      requestCert: true,
    },
    answer,
  );
  backend.on("upgrade", (request, socket) => {
    seen.push(request);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => void backend.listen(0, "127.0.0.1", resolve));
  front = await startServer(pki, { ports: new Map([["echo", portOf(backend)]]) });
  admin = { as: await pki.client("admin", "system:masters", "a, b") };
  await createService(front, "echo");
  await createSlice(front, "echo");
  const caBundle = Buffer.from(pki.ca.certificatePem).toString("base64");
  await front.send("POST", API_SERVICES, apiService(GROUP, "v1", "echo", { caBundle }));
  await untilCondition(front, `v1.${GROUP}`, (reason) => reason === "Passed");
});

after(async () => {
  await front.server.close();
  backend.closeAllConnections();
  await new Promise((resolve) => void backend.close(resolve));
});

test("a request is handed on with the front proxy's certificate and the user's name, and nothing false", async () => {
  const answered = await ask(front.port, pki, `${BASE}/namespaces/n/echoes/system:a%2Fb?x=1&x=2`, {
    ...admin,
    method: "POST",
    body: { a: 1 },
    headers: {
      Authorization: "Basic c2VjcmV0",
      "X-Remote-User": "root",
      "X-Remote-Group": "root",
      "X-Remote-Extra-Scopes": "all",
      "X-Own": "kept",
    },
  });
  assert.equal(answered.status, 299, answered.text);
  const { method, url, raw, body, client } = answered.json() as Record<string, string> & { raw: string[] };
  assert.deepEqual([method, body, client], ["POST", '{"a":1}', "front-proxy-client"]);
  assert.equal(url, `${BASE}/namespaces/n/echoes/system%3Aa/b?x=1&x=2`);
  const values = (name: string): string[] =>
    raw.flatMap((key: string, i: number) => (i % 2 === 0 && key.toLowerCase() === name ? [raw[i + 1]!] : []));
  assert.deepEqual(values("x-remote-user"), ["admin"]);
  assert.deepEqual(values("x-remote-group"), ["system:masters", "a, b", "system:authenticated"]);
  assert.deepEqual(values("x-remote-extra-scopes"), []);
  assert.equal(values("x-remote-extra-authentication.kubernetes.io%2fcredential-id").length, 1);
  assert.deepEqual(values("authorization"), []);
  assert.deepEqual(values("x-own"), ["kept"]);
  assert.deepEqual(values("x-forwarded-for"), ["127.0.0.1"]);
});

test("a path that climbs out of its group-version reaches nobody", async () => {
  const seenBefore = seen.length;
  for (const path of [
    `${BASE}/../../../api/v1/secrets`,
    `${BASE}/%2e%2e/%2e%2e/other`,
    `${BASE}/namespaces/n/..%2f..%2fechoes`,
  ]) {
    assert.equal((await ask(front.port, pki, path, admin)).status, 404, path);
  }
  assert.equal((await ask(front.port, pki, `/${BASE}/echoes`, admin)).status, 404);
  assert.equal(seen.length, seenBefore);
});

test("a redirect of a backend is not passed on", async () => {
  const { status, text, headers } = await ask(front.port, pki, `${BASE}/redirect`, admin);
  assert.equal(status, 502);
  assert.equal(text, "the backend attempted to redirect this request, which is not permitted\n");
  assert.equal(headers.location, undefined);
});

test("an answer without end ends with its client", async () => {
  const response = await open(front.port, pki, `${BASE}/forever`, admin);
  const lines = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  assert.equal(String((await lines.next()).value), '{"line":1}\n');
  const { socket } = seen.at(-1)!;
  const closed = new Promise((resolve) => void socket.once("close", resolve));
  response.destroy();
  await closed;
});

test("a connection is taken over through the proxy, as the user", async () => {
  const echoed = await new Promise<string>((resolve, reject) => {
    const request = requestHttps({
      host: "127.0.0.1",
      port: front.port,
      path: `${BASE}/namespaces/n/echoes/a/exec`,
      ca: pki.ca.certificatePem,
      cert: admin.as.certificatePem,
      key: admin.as.privateKeyPem,
      headers: { connection: "Upgrade", upgrade: "echo", "x-remote-user": "root" },
      agent: false,
    });
    request.once("upgrade", (_response, socket) => {
      socket.once("data", (data: Buffer) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.write("hello");
    });
    request.once("response", ({ statusCode }) => reject(new Error(`answered ${statusCode}`)));
    request.once("error", reject);
    request.end();
  });
  assert.equal(echoed, "hello");
  assert.equal(seen.at(-1)!.headers["x-remote-user"], "admin");
});

test("legacy discovery stands in where a backend does not aggregate", async () => {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const { json } = await until(
    () => ask(front.port, pki, "/apis", { ...admin, headers: { accept } }),
    ({ text }) => text.includes('"echoes"'),
  );
  const items = json()["items"] as { metadata: { name: string }; versions: object[] }[];
  assert.deepEqual(items.find(({ metadata }) => metadata.name === GROUP)?.versions, [
    {
      version: "v1",
      resources: [
        {
          resource: "echoes",
          responseKind: { group: GROUP, version: "v1", kind: "Echo" },
          scope: "Namespaced",
          singularResource: "echo",
          verbs: ["get", "list"],
        },
      ],
      freshness: "Current",
    },
  ]);
});

test("a backend whose certificate is not that of its Service is not available, unless nobody minds", async () => {
  const name = `v2.${GROUP}`;
  await front.send("POST", API_SERVICES, apiService(GROUP, "v2", "echo"));
  const { status } = await untilCondition(front, name, (reason) => reason === "FailedDiscoveryCheck");
  assert.match(status!.conditions![0]!.message!, /x509: certificate signed by unknown authority$/);
  const current = await front.send("GET", `${API_SERVICES}/${name}`);
  const spec = { ...(current as unknown as { spec: object }).spec, insecureSkipTLSVerify: true };
  await front.send("PUT", `${API_SERVICES}/${name}`, { ...current, spec });
  await untilCondition(front, name, (_reason, message) => message.includes("bad status from"));
  await front.send("DELETE", `${API_SERVICES}/${name}`);
});

test("a server without a front-proxy certificate says so", async () => {
  const reason = /this API server was given no front-proxy client certificate/;
  await using bare = await startServer(pki);
  await createService(bare, "echo");
  await createSlice(bare, "echo");
  await bare.send("POST", API_SERVICES, apiService(GROUP, "v1", "echo"));
  const { status } = await untilCondition(bare, `v1.${GROUP}`, (why) => why === "FailedDiscoveryCheck");
  assert.match(status!.conditions![0]!.message!, reason);
  const refused = await ask(bare.port, pki, `${BASE}/echoes`, admin);
  assert.equal(refused.status, 503);
  assert.match(refused.text, reason);
});
