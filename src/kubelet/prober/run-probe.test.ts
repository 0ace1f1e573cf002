import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import type { Probe } from "#api/core/v1/types.gen";
import { testContainer } from "../container/testing.ts";
import { type ProbeOutcome, runProbe } from "./run-probe.ts";

const NEVER = new AbortController().signal;
const asBytes = (bytes: Buffer): Buffer => bytes;

function probeOnce(probe: Probe, ports: Parameters<typeof testContainer>[1] = {}): Promise<ProbeOutcome> {
  const target = {
    probe,
    container: testContainer("c", ports),
    containerId: "c0",
    podIP: "127.0.0.1",
    runtime: { execSync: () => Promise.reject(new Error("nothing is executed here")) },
    userAgent: "kube-probe/test",
    hasNetwork: true,
  };
  return runProbe(target, NEVER);
}

/** Resolves with its port; the answers are of grpc.health.v1, by the name of the service. */
async function startGrpc(statusOf: (service: string) => number): Promise<{ port: number; server: Server }> {
  const server = new Server();
  const check: handleUnaryCall<Buffer, Buffer> = ({ request }, answer) =>
    answer(null, Buffer.from([0x08, statusOf(request.toString("utf8", 2))]));
  const method = {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: asBytes,
    requestDeserialize: asBytes,
    responseSerialize: asBytes,
    responseDeserialize: asBytes,
  } as const;
  server.addService({ Check: method }, { Check: check });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (err, bound) =>
    err === null ? resolve(bound) : reject(err),
  );
  return { port: await promise, server };
}

test("runProbe() asks a gRPC server for the health of the service that the probe names", async () => {
  const asked: string[] = [];
  const { port, server } = await startGrpc((service) => {
    asked.push(service);
    return service === "db" ? 2 : 1;
  });
  try {
    assert.deepEqual(await probeOnce({ grpc: { port, service: "web" } }), {
      ok: true,
      output: "service healthy",
      warning: false,
    });
    const { ok, output } = await probeOnce({ grpc: { port, service: "db" } });
    assert.deepEqual([ok, output], [false, 'service unhealthy (responded with "NOT_SERVING")']);
    assert.ok((await probeOnce({ grpc: { port } })).ok);
    assert.deepEqual(asked, ["web", "db", ""], "no name asks for the server as a whole");
  } finally {
    server.forceShutdown();
  }
  assert.equal((await probeOnce({ grpc: { port } })).ok, false, "nobody listens any more");
});

test("runProbe() sends an HTTP probe's headers to its named port and path, and judges the status", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.host} ${String(request.headers["x-own"])}`);
    const [, status = "200"] = /^\/(\d+)/.exec(request.url ?? "") ?? [];
    response
      .writeHead(Number(status), status === "302" ? { location: "http://elsewhere.example/" } : {})
      .end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const ports = { ports: [{ name: "web", containerPort: port }] };
    const httpHeaders = [
      { name: "Host", value: "example.com" },
      { name: "X-Own", value: "yes" },
    ];
    const get = (path: string): Promise<ProbeOutcome> =>
      probeOnce({ httpGet: { path, port: "web", httpHeaders } }, ports);
    assert.deepEqual(await get("/200?a=b"), { ok: true, output: "", warning: false });
    assert.deepEqual(asked, ["/200?a=b example.com yes"]);
    assert.deepEqual(await get("/404"), {
      ok: false,
      output: "HTTP probe failed with statuscode: 404",
      warning: false,
    });
    const redirected = await get("/302");
    assert.deepEqual([redirected.ok, redirected.warning], [true, true], "another host is not asked");
    assert.equal((await probeOnce({ tcpSocket: { port: "web" } }, ports)).ok, true);
  } finally {
    server.close();
  }
});
