import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import type { AddressInfo } from "node:net";
import type { Node } from "#api/core/v1/types.gen";
import { FakeClock, silentLogger } from "#apimachinery";
import { answerHealth, ProxyHealth } from "./proxy-health.ts";
import { ServiceHealthServers } from "./service-health.ts";

const START_MS = Date.parse("2026-01-01T00:00:00Z");
const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };

test("ProxyHealth is unhealthy when a change waits for a minute", () => {
  const clock = new FakeClock(START_MS);
  const health = new ProxyHealth(["IPv4", "IPv6"], clock, 60_000);
  health.queued();
  clock.advance(59_000);
  health.queued();
  assert.equal(health.now().healthy, true);
  clock.advance(1_000);
  assert.equal(health.now().healthy, false);
  health.updated("IPv4");
  assert.equal(health.now().healthy, false);
  health.updated("IPv6");
  assert.equal(health.now().healthy, true);
});

test("answerHealth() says by /healthz and not by /livez that the node is about to go", () => {
  const family = { healthy: true, lastUpdatedMs: START_MS };
  const families = new Map([["IPv4", family] as const]);
  const state = { ...family, nowMs: START_MS + 1_000, families };
  const taints = [{ key: "ToBeDeletedByClusterAutoscaler", effect: "NoSchedule" }];
  const leaving = { ...node, spec: { taints } };
  const statusOf = (path: string, about: Node | undefined): number | undefined =>
    answerHealth(path, state, about)?.status;
  assert.deepEqual([statusOf("/healthz", node), statusOf("/livez", node)], [200, 200]);
  assert.deepEqual([statusOf("/healthz", leaving), statusOf("/livez", leaving)], [503, 200]);
  assert.equal(statusOf("/healthz", undefined), 503);
  assert.equal(statusOf("/metrics", node), undefined);
  assert.deepEqual(JSON.parse(answerHealth("/healthz", state, node)!.body), {
    lastUpdated: "2026-01-01T00:00:01.000Z",
    currentTime: "2026-01-01T00:00:01.000Z",
    nodeEligible: true,
    healthy: true,
    status: { IPv4: { lastUpdated: "2026-01-01T00:00:00.000Z", healthy: true } },
  });
});

/** A port of loopback that nobody has at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function text(localEndpoints: number, serviceProxyHealthy: boolean): string {
  return `{\n\t"service": {\n\t\t"namespace": "a",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": ${localEndpoints},\n\t"serviceProxyHealthy": ${serviceProxyHealthy}\n}`;
}

test("ServiceHealthServers answer for their service, and close", async () => {
  let isHealthy = true;
  const events: string[] = [];
  await using servers = new ServiceHealthServers({
    hosts: ["127.0.0.1"],
    nodeName: "n1",
    isHealthy: () => isHealthy,
    logger: silentLogger,
    events: {
      event: (_about, type, reason, _message, options) =>
        void events.push(`${type} ${reason} ${options?.action}`),
    },
  });
  const port = await freePort();
  const check = (localEndpoints: number): Promise<void> =>
    servers.sync(new Map([["a/web", { port, localEndpoints }]]));
  const ask = async (): Promise<readonly unknown[]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    return [answer.status, answer.headers.get("x-load-balancing-endpoint-weight"), await answer.text()];
  };
  await check(2);
  assert.deepEqual(await ask(), [200, "2", text(2, true)]);
  await check(0);
  assert.deepEqual(await ask(), [503, "0", text(0, true)]);
  await check(1);
  isHealthy = false;
  assert.deepEqual(await ask(), [503, "1", text(1, false)]);
  await servers.sync(new Map());
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));

  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  await check(1);
  await check(1);
  assert.deepEqual(events, ["Warning FailedToStartServiceHealthcheck Listen"]);
  other.close();
  await once(other, "close");
  await check(1);
  assert.equal((await ask())[1], "1");
});
