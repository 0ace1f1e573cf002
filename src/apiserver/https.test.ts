import assert from "node:assert/strict";
import * as http2 from "node:http2";
import { request as requestHttps } from "node:https";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { systemClock, type KubeList } from "#apimachinery";
import { createCertificateAuthority, issueCertificate, type KeyPairPem } from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { authenticatorChain, clientCertificate } from "./authn/index.ts";
import { createApiServer, type ApiServer } from "./index.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

interface WatchLine {
  readonly object: { readonly metadata: { readonly name: string } };
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

let server: ApiServer;
let port: number;
let admin: KeyPairPem;

before(async () => {
  const ca = await createCertificateAuthority("test", systemClock);
  const serving = await issueCertificate(
    ca,
    { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  admin = await issueCertificate(
    ca,
    { commonName: "admin", organizations: ["system:masters"], usages: ["client"] },
    systemClock,
  );
  server = await createApiServer({
    store: await openMemoryStore(),
    tls: { cert: serving.certificatePem, key: serving.privateKeyPem, clientCa: ca.certificatePem },
    authenticator: authenticatorChain([clientCertificate({ ca: ca.certificatePem, clock: systemClock })]),
  });
  port = (await server.listen([{ host: "127.0.0.1", port: 0 }]))[0]!.port;
});

after(() => server.close());

/** Over HTTP/1.1. */
function send1(
  path: string,
  { method = "GET", headers = {}, body }: Sent = {},
  isAdmin = true,
): Promise<Answer> {
  const credentials = isAdmin ? { cert: admin.certificatePem, key: admin.privateKeyPem } : {};
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path,
      method,
      headers,
      ...credentials,
      rejectUnauthorized: false,
      agent: false,
    };
    const request = requestHttps(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Over HTTP/2. */
async function send2(path: string, { method = "GET", headers = {}, body }: Sent = {}): Promise<Answer> {
  const session = connect();
  try {
    const stream = session.request({ ":method": method, ":path": path, ...headers });
    const answer = Promise.withResolvers<http2.IncomingHttpHeaders>();
    stream.on("response", answer.resolve);
    stream.on("error", answer.reject);
    stream.end(body);
    const received = await answer.promise;
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return { status: Number(received[":status"]), headers: received, body: Buffer.concat(chunks) };
  } finally {
    session.close();
  }
}

function connect(): http2.ClientHttp2Session {
  return http2.connect(`https://127.0.0.1:${port}`, {
    cert: admin.certificatePem,
    key: admin.privateKeyPem,
    rejectUnauthorized: false,
  });
}

const JSON_BODY = { "content-type": "application/json" };

for (const [protocol, send] of [
  ["HTTP/1.1", send1],
  ["HTTP/2", send2],
] as const) {
  suite(`API over ${protocol}`, () => {
    const name = protocol.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");

    test(`${protocol}: an object makes the round trip`, async () => {
      const body = JSON.stringify({ metadata: { name } });
      const made = await send(CONFIG_MAPS, { method: "POST", headers: JSON_BODY, body });
      assert.equal(made.status, 201);
      const read = await send(`${CONFIG_MAPS}/${name}`);
      assert.deepEqual(read.body, made.body);
      assert.match(String(read.headers["audit-id"]), /^[0-9a-f-]{36}$/);
      const head = await send(`${CONFIG_MAPS}/${name}`, { method: "HEAD" });
      assert.deepEqual([head.status, head.body.length], [200, 0]);
    });

    const refusals: readonly (readonly [
      what: string,
      path: string,
      sent: Sent,
      status: number,
      reason: string,
    ])[] = [
      ["garbage", CONFIG_MAPS, { method: "POST", headers: JSON_BODY, body: "{x" }, 400, "BadRequest"],
      [
        "invalid UTF-8",
        CONFIG_MAPS,
        { method: "POST", headers: JSON_BODY, body: Buffer.from([0x7b, 0xff]) },
        400,
        "BadRequest",
      ],
      ["no body", CONFIG_MAPS, { method: "POST", headers: JSON_BODY }, 400, "BadRequest"],
      [
        "an unknown media type",
        CONFIG_MAPS,
        { method: "POST", headers: { "content-type": "text/xml" }, body: "<a/>" },
        415,
        "UnsupportedMediaType",
      ],
      ["an answer nobody can give", CONFIG_MAPS, { headers: { accept: "image/png" } }, 406, "NotAcceptable"],
      [
        "a method of objects on a collection",
        CONFIG_MAPS,
        { method: "PUT", headers: JSON_BODY, body: "{}" },
        405,
        "MethodNotAllowed",
      ],
      ["a missing object", `${CONFIG_MAPS}/nope`, {}, 404, "NotFound"],
      [
        "a body over the limit",
        CONFIG_MAPS,
        { method: "POST", headers: JSON_BODY, body: Buffer.alloc(3 * 1024 * 1024 + 1, " ") },
        413,
        "RequestEntityTooLarge",
      ],
    ];
    for (const [what, path, sent, status, reason] of refusals) {
      test(`${protocol}: ${what} is answered with ${status}`, async () => {
        const answer = await send(path, sent);
        assert.equal(answer.status, status);
        const body = JSON.parse(answer.body.toString()) as { kind: string; reason: string; code: number };
        assert.deepEqual([body.kind, body.reason, body.code], ["Status", reason, status]);
      });
    }

    test(`${protocol}: an unknown path is answered with 404`, async () => {
      const answer = await send("/nope");
      assert.deepEqual([answer.status, answer.body.toString()], [404, "404 page not found\n"]);
    });

    test(`${protocol}: large answers are compressed for whom asks`, async () => {
      const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
      const plain = await send(path);
      const zipped = await send(path, { headers: { "accept-encoding": "gzip" } });
      assert.equal(plain.headers["content-encoding"], undefined);
      const isLarge = plain.body.length >= 128 * 1024;
      assert.equal(zipped.headers["content-encoding"], isLarge ? "gzip" : undefined);
      assert.deepEqual(isLarge ? gunzipSync(zipped.body) : zipped.body, plain.body);
    });
  });
}

suite("API over HTTPS", () => {
  test("without a credential only health and version are told", async () => {
    const statuses = await Promise.all(
      ["/healthz", "/livez", "/readyz", "/version", "/api", "/metrics", CONFIG_MAPS].map(
        async (path) => (await send1(path, {}, false)).status,
      ),
    );
    assert.deepEqual(statuses, [200, 200, 200, 200, 403, 403, 403]);
  });

  test("a wrong token is Unauthorized", async () => {
    // Nobody here knows tokens, so it is as if none was shown.
    const answer = await send1(CONFIG_MAPS, { headers: { authorization: "Bearer x" } }, false);
    assert.equal(answer.status, 403);
  });

  test("warnings come in the Warning header", async () => {
    const body = JSON.stringify({ metadata: { name: "warned" }, dta: {} });
    const { headers } = await send1(CONFIG_MAPS, { method: "POST", headers: JSON_BODY, body });
    assert.equal(headers["warning"], '299 - "unknown field \\"dta\\""');
  });

  test("/metrics counts requests by verb and resource", async () => {
    await send1(`${CONFIG_MAPS}/nope`);
    const text = (await send1("/metrics")).body.toString();
    assert.match(
      text,
      /apiserver_request_total\{code="404",component="apiserver".*resource="configmaps".*verb="GET"/,
    );
    assert.match(text, /apiserver_storage_objects\{resource="configmaps"\} \d/);
  });

  test("a watcher over HTTP/1.1 that reads slowly misses nothing, and its answer ends well", async () => {
    const OBJECTS = 60;
    const WATCH_MS = 1_000;
    const { metadata } = JSON.parse((await send1(CONFIG_MAPS)).body.toString()) as KubeList;
    // More than the kernel's buffers hold: the server has to wait for its reader, also at the watch's end.
    const data = { text: "x".repeat(200_000) };
    for (let i = 0; i < OBJECTS; i++) {
      const object = { metadata: { name: `slow-${i}` }, data };
      const { status } = await send1(CONFIG_MAPS, { method: "POST", body: JSON.stringify(object) });
      assert.equal(status, 201);
    }
    const path = `${CONFIG_MAPS}?watch=true&resourceVersion=${metadata.resourceVersion}&timeoutSeconds=${WATCH_MS / 1_000}`;
    const { cert, key } = { cert: admin.certificatePem, key: admin.privateKeyPem };
    const names = new Set<string>();
    const ended = new Promise<void>((resolve, reject) => {
      const options = { host: "127.0.0.1", port, path, cert, key, rejectUnauthorized: false, agent: false };
      const request = requestHttps(options, (response) => {
        const lines = createInterface(response);
        lines.on("line", (line) => names.add((JSON.parse(line) as WatchLine).object.metadata.name));
        lines.on("close", () =>
          response.complete ? resolve() : reject(new Error("the answer was cut off")),
        );
        response.pause();
        systemClock.after(2 * WATCH_MS, () => response.resume());
      });
      request.on("error", reject);
      request.end();
    });
    await ended;
    for (let i = 0; i < OBJECTS; i++) assert.ok(names.has(`slow-${i}`), `slow-${i} was not told`);
  });

  test("a watch streams events and ends with its timeout", async () => {
    const session = connect();
    const stream = session.request({
      ":path": `${CONFIG_MAPS}?watch=true&resourceVersion=0&timeoutSeconds=1`,
    });
    let text = "";
    for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString();
    session.close();
    const types = text
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { type: string }).type);
    assert.ok(types.length > 0);
    assert.ok(types.every((type) => type === "ADDED"));
  });
});
