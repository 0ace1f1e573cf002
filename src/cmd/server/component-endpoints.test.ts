import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { silentLogger, StatusError, systemClock } from "#apimachinery";
import { clientCertificate, createApiServer, type Authenticator } from "#apiserver";
import { LiveValue, Metrics } from "#component-base";
import {
  createCertificateAuthority,
  createSubordinateAuthority,
  issueCertificate,
} from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { serveComponent } from "./component-endpoints.ts";

const authenticator: Authenticator = {
  authenticate({ headers, clientCertificate: shown, clientCertificateError }) {
    if (shown !== undefined && clientCertificateError !== undefined)
      return Promise.reject(new StatusError("Unauthorized", "Unauthorized"));
    const { authorization } = headers;
    if (authorization === undefined) return Promise.resolve(undefined);
    if (authorization !== "Bearer good")
      return Promise.reject(new StatusError("Unauthorized", "Unauthorized"));
    return Promise.resolve({ name: "prometheus", groups: ["system:monitoring"] });
  },
};

test("serveComponent() shows health to all, and metrics to those who may", async () => {
  const ca = await createCertificateAuthority("test", systemClock);
  const pair = await issueCertificate(
    ca,
    { commonName: "x", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  await using server = await createApiServer({ store: await openMemoryStore() });
  const stop = new AbortController();
  const port = await freePort();
  const options = {
    host: "127.0.0.1",
    port,
    tls: new LiveValue({ cert: pair.certificatePem, key: pair.privateKeyPem, clientCa: ca.certificatePem }),
    metrics: new Metrics([{ type: "counter", name: "things_total", help: "Things", labels: [] }]),
    authenticator,
    transport: server.transport(),
    logger: silentLogger,
  };
  const done = serveComponent(options, stop.signal);
  const get = async (
    path: string,
    token?: string,
    shown: { readonly cert?: string; readonly key?: string } = {},
  ): Promise<readonly [number, string]> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: "127.0.0.1", port, path, headers, ca: ca.certificatePem, agent: false, ...shown },
        (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => (text += chunk.toString()));
          response.on("end", () => resolve([response.statusCode ?? 0, text]));
        },
      );
      asked.on("error", reject);
      asked.end();
    });
  };
  assert.deepEqual(await get("/healthz"), [200, "ok"]);
  assert.deepEqual(await get("/livez/ping"), [200, "ok"]);
  assert.equal((await get("/livez/nothing"))[0], 404);
  const [forbidden, why] = await get("/metrics");
  assert.equal(forbidden, 403);
  assert.match(why, /User \\"system:anonymous\\" cannot get path \\"\/metrics\\"/);
  assert.equal((await get("/metrics", "bad"))[0], 401);
  const foreign = await createCertificateAuthority("test", systemClock);
  const stranger = { commonName: "prometheus", usages: ["client"] } as const;
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(foreign, stranger, systemClock);
  assert.equal((await get("/metrics", undefined, { cert, key }))[0], 401, "not anonymous");
  const [ok, text] = await get("/metrics", "good");
  assert.equal(ok, 200);
  assert.match(text, /^things_total 0$/m);
  assert.equal((await get("/debug", "good"))[0], 403);
  const shown = async (): Promise<string> => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const before = await shown();
  const subject = { commonName: "y", ipAddresses: ["127.0.0.1"], usages: ["server"] as const };
  const next = await issueCertificate(ca, subject, systemClock);
  options.tls.set({ cert: next.certificatePem, key: next.privateKeyPem, clientCa: ca.certificatePem });
  assert.notEqual(await shown(), before);
  assert.equal(await shown(), new X509Certificate(next.certificatePem).fingerprint256);
  stop.abort();
  await done;
});

test("serveComponent() follows the chain that a client shows", async () => {
  const ca = await createCertificateAuthority("test", systemClock);
  const subject = { commonName: "x", ipAddresses: ["127.0.0.1"], usages: ["server"] as const };
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(ca, subject, systemClock);
  const below = await createSubordinateAuthority(ca, "below", { validityMs: 86_400_000 }, systemClock);
  const reader = { commonName: "m", organizations: ["system:monitoring"], usages: ["client"] as const };
  const leaf = await issueCertificate(below, reader, systemClock);
  await using server = await createApiServer({ store: await openMemoryStore() });
  const stop = new AbortController();
  const port = await freePort();
  const done = serveComponent(
    {
      host: "127.0.0.1",
      port,
      tls: new LiveValue({ cert, key, clientCa: ca.certificatePem }),
      metrics: new Metrics(),
      authenticator: clientCertificate({ ca: ca.certificatePem, clock: systemClock }),
      transport: server.transport(),
      logger: silentLogger,
    },
    stop.signal,
  );
  const statusWith = (chain: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const shown = { cert: leaf.certificatePem + chain, key: leaf.privateKeyPem, ca: ca.certificatePem };
      const options = { host: "127.0.0.1", port, path: "/metrics", agent: false, ...shown };
      const asked = request(options, (response) => {
        response.resume().once("end", () => resolve(response.statusCode));
      });
      asked.on("error", reject);
      asked.end();
    });
  assert.equal(await statusWith(below.certificatePem), 200);
  assert.equal(await statusWith(""), 401);
  stop.abort();
  await done;
});

test("serveComponent() with a port that somebody has tells so, and with none serves nothing", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as AddressInfo;
  const problems: string[] = [];
  const ca = await createCertificateAuthority("test", systemClock);
  const logger = { ...silentLogger, error: (message: string) => void problems.push(message) };
  const tls = new LiveValue({
    cert: ca.certificatePem,
    key: ca.privateKeyPem,
    clientCa: ca.certificatePem,
  });
  const transport = undefined as never;
  const common = { host: "127.0.0.1", tls, metrics: new Metrics(), authenticator, transport, logger };
  const { signal } = new AbortController();
  await serveComponent({ ...common, port }, signal);
  assert.deepEqual(problems, ["Metrics and health are not served"]);
  await serveComponent({ ...common, port: 0 }, signal);
  taken.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
