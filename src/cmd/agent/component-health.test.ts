import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite, test } from "node:test";
import type { Transport } from "#client";
import { healthChecks, type HealthOptions } from "./component-health.ts";

const signal = AbortSignal.timeout(60_000);

function optionsOf(changes: Partial<HealthOptions>, apiServer: () => void = () => {}): HealthOptions {
  const transport: Pick<Transport, "stream"> = {
    async *stream({ path }) {
      apiServer();
      yield Buffer.from(path);
    },
  };
  return {
    transport: transport as Transport,
    nodeIp: "127.0.0.1",
    clusterDomain: "cluster.local",
    componentBindAddress: "127.0.0.1",
    schedulerSecurePort: 0,
    controllerManagerSecurePort: 0,
    proxyLivezUrl: () => undefined,
    ...changes,
  };
}

const away = (): never => {
  throw new Error("away");
};

suite("healthChecks()", () => {
  test("healthChecks() asks the API server, and there for the parts of its process", async () => {
    for (const name of ["kube-apiserver", "kube-scheduler", "kube-controller-manager"]) {
      await healthChecks(optionsOf({}))[name]!(signal);
      await assert.rejects(healthChecks(optionsOf({}, away))[name]!(signal), /away/);
    }
  });

  test("healthChecks() asks kube-proxy where it answers, and takes a refusal for one", async () => {
    let status = 200;
    const paths: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url);
      response.writeHead(status).end("body");
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const check = healthChecks(optionsOf({ proxyLivezUrl: () => `http://127.0.0.1:${port}/livez` }))[
      "kube-proxy"
    ]!;
    await check(signal);
    status = 503;
    await assert.rejects(check(signal), /statuscode: 503/);
    server.close();
    await once(server, "close");
    await assert.rejects(check(signal), /dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/);
    assert.deepEqual(paths, ["/livez", "/livez"]);
  });

  test("healthChecks() asks a scheduler that listens at that port, over TLS", async () => {
    const check = healthChecks(optionsOf({ schedulerSecurePort: 1 }))["kube-scheduler"]!;
    await assert.rejects(check(signal), /dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/);
  });

  test("healthChecks() gives up on a name server that is silent when its time is over", async () => {
    const silent = createSocket("udp4");
    await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
    const asked = once(silent, "message");
    const over = new AbortController();
    // the port stands in for the address alone: what is asked goes to port 53 otherwise
    const nodeIp = `127.0.0.1:${silent.address().port}`;
    const checking = healthChecks(optionsOf({ nodeIp }))["coredns"]!(over.signal);
    await asked;
    over.abort();
    await assert.rejects(checking, { code: "ECANCELLED" });
    silent.close();
  });
});
