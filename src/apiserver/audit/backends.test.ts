import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { FakeClock, silentLogger, systemClock, type LogFields, type Logger } from "#apimachinery";
import type { AuditBackend, AuditRecord } from "./backend.ts";
import { BatchBackend } from "./batch-backend.ts";
import { formatEvent, formatLegacy } from "./format.ts";
import { LogBackend, type LineSink } from "./log-backend.ts";
import { AuditMetrics } from "./metrics.ts";
import { openBackends } from "./open-backends.ts";
import { webhookDefaults } from "./options.ts";
import { sourceIPs } from "./source-ips.ts";
import { truncateBackend } from "./truncate-backend.ts";
import type { AuditEvent } from "./types.ts";

const event: AuditEvent = {
  level: "Request",
  auditID: "id",
  stage: "ResponseComplete",
  requestURI: "/api/v1/pods",
  verb: "create",
  user: { username: "ada", groups: ["devs", "all"] },
  sourceIPs: ["192.0.2.1"],
  userAgent: "curl",
  objectRef: { resource: "pods", namespace: "a" },
  responseStatus: { code: 201 },
  requestObject: '{"a":1}\n',
  requestReceivedMs: 1_767_225_600_123,
  stageMs: 1_767_225_600_124,
  annotations: { k: "v" },
};

function record(change: Partial<AuditEvent> = {}): AuditRecord {
  const changed = { ...event, ...change };
  return { event: changed, line: formatEvent(changed) };
}

interface Collected extends AuditBackend {
  readonly batches: (readonly AuditRecord[])[];
}

function collector(result = true): Collected {
  const batches: (readonly AuditRecord[])[] = [];
  return {
    batches,
    process(records) {
      batches.push(records);
      return result;
    },
    close: () => Promise.resolve(),
  };
}

const parts = (): { readonly metrics: AuditMetrics; readonly logger: typeof silentLogger } => ({
  metrics: new AuditMetrics(),
  logger: silentLogger,
});

test("formatEvent() writes the fields in upstream's order", () => {
  assert.equal(
    formatEvent(event),
    '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"id","stage":"ResponseComplete",' +
      '"requestURI":"/api/v1/pods","verb":"create","user":{"username":"ada","groups":["devs","all"]},' +
      '"sourceIPs":["192.0.2.1"],"userAgent":"curl","objectRef":{"resource":"pods","namespace":"a"},' +
      '"responseStatus":{"metadata":{},"code":201},"requestObject":{"a":1},' +
      '"requestReceivedTimestamp":"2026-01-01T00:00:00.123000Z","stageTimestamp":"2026-01-01T00:00:00.124000Z",' +
      '"annotations":{"k":"v"}}',
  );
});

test("formatLegacy() writes one line", () => {
  assert.equal(
    formatLegacy(event),
    '2026-01-01T00:00:00.123000Z AUDIT: id="id" stage="ResponseComplete" ip="192.0.2.1" method="create" user="ada" ' +
      'groups="\\"devs\\",\\"all\\"" as="<self>" asgroups="<lookup>" user-agent="curl" namespace="a" uri="/api/v1/pods" response="201"',
  );
});

test("sourceIPs() lists proxies first, the connection last, each once", () => {
  const headers = { "x-forwarded-for": "192.0.2.1, nonsense, 2001:db8::1", "x-real-ip": "192.0.2.9" };
  assert.deepEqual(sourceIPs({ headers, remoteAddress: "::ffff:10.0.0.1" }), [
    "192.0.2.1",
    "2001:db8::1",
    "192.0.2.9",
    "10.0.0.1",
  ]);
  assert.deepEqual(sourceIPs({ headers: { "x-forwarded-for": "10.0.0.1" }, remoteAddress: "10.0.0.1" }), [
    "10.0.0.1",
  ]);
});

test("BatchBackend sends what is full at once, and the rest when its time has come", async () => {
  const clock = new FakeClock();
  const to = collector();
  const options = { bufferSize: 10, maxSize: 2, maxWaitMs: 1000 };
  const backend = new BatchBackend(to, options, { ...parts(), clock, isConcurrent: false });
  backend.process([record(), record(), record()]);
  await settled();
  assert.deepEqual(sizes(to), [2]);
  clock.advance(1000);
  await settled();
  assert.deepEqual(sizes(to), [2, 1]);
  backend.process([record()]);
  await backend.close();
  assert.deepEqual(sizes(to), [2, 1, 1]);
});

test("BatchBackend loses what its buffer cannot hold, and counts it", async () => {
  const { metrics, logger } = parts();
  const to = collector();
  const options = { bufferSize: 2, maxSize: 10, maxWaitMs: 1000 };
  const backend = new BatchBackend(to, options, {
    metrics,
    logger,
    clock: new FakeClock(),
    isConcurrent: false,
  });
  assert.equal(backend.process([record(), record(), record()]), true);
  assert.match(metrics.render(), /^apiserver_audit_error_total\{plugin="buffered"\} 1$/m);
  await backend.close();
  assert.deepEqual(sizes(to), [2]);
  backend.process([record()]);
  assert.match(metrics.render(), /^apiserver_audit_error_total\{plugin="buffered"\} 2$/m);
});

test("BatchBackend keeps to its rate after a burst", async () => {
  const clock = new FakeClock();
  const to = collector();
  const options = { bufferSize: 10, maxSize: 1, maxWaitMs: 0, throttle: { qps: 1, burst: 2 } };
  const backend = new BatchBackend(to, options, { ...parts(), clock, isConcurrent: true });
  backend.process([record(), record(), record()]);
  await settled();
  assert.equal(to.batches.length, 2);
  clock.advance(1000);
  await settled();
  assert.equal(to.batches.length, 3);
});

test("truncateBackend() takes the objects off large events, and loses what is still too large", async () => {
  const { metrics, logger } = parts();
  const to = collector();
  const options = { maxEventBytes: 800, maxBatchBytes: 800 };
  const backend = truncateBackend(to, options, { metrics, logger });
  const large = JSON.stringify("x".repeat(1000));
  await backend.process([
    record({ requestObject: large }),
    record(),
    record({ userAgent: "x".repeat(1000) }),
    record({ level: "Metadata", requestObject: large }),
  ]);
  assert.deepEqual(sizes(to), [1, 1]);
  const [first] = to.batches[0]!;
  assert.ok(!first!.line.includes("requestObject"));
  assert.ok(first!.line.includes('"audit.k8s.io/truncated":"true"'));
  assert.match(metrics.render(), /^apiserver_audit_error_total\{plugin="truncate"\} 2$/m);
});

test("LogBackend counts what a full disk costs, and tells of it once and when it is over", async () => {
  const told: unknown[] = [];
  const tell = (message: string, fields?: LogFields): void =>
    void told.push([message, fields?.["lost"] ?? fields?.["events"]]);
  const logger: Logger = { ...silentLogger, error: tell, warn: tell };
  const metrics = new AuditMetrics();
  let isFull = true;
  const sink: LineSink = {
    write: () => (isFull ? Promise.reject(new Error("ENOSPC: no space left on device")) : Promise.resolve()),
    close: () => Promise.resolve(),
  };
  const backend = new LogBackend(sink, "json", { metrics, logger });
  for (let i = 0; i < 3; i++) assert.equal(await backend.process([record(), record()]), false);
  isFull = false;
  for (let i = 0; i < 2; i++) assert.equal(await backend.process([record()]), true);
  assert.match(metrics.render(), /^apiserver_audit_error_total\{plugin="log"\} 6$/m);
  assert.deepEqual(told, [
    ["Audit events were lost", 2],
    ["Audit events are written again", 6],
  ]);
});

test("openBackends(): the webhook gets lists of events, again when it failed", async () => {
  const lists: { readonly kind: string; readonly items: readonly { readonly auditID: string }[] }[] = [];
  const paths: string[] = [];
  let failures = 1;
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      paths.push(`${request.method} ${request.url}`);
      if (failures-- <= 0) lists.push(JSON.parse(text));
      response.writeHead(failures < 0 ? 200 : 500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const webhook = {
    ...webhookDefaults,
    mode: "blocking-strict" as const,
    initialBackoffMs: 1,
    config: { server: `http://127.0.0.1:${port}/audit` },
  };
  const open = { ...parts(), clock: systemClock, random: () => 0.5 };
  const [backend] = await openBackends({ policy: { rules: [] }, webhook }, open);
  try {
    assert.equal(await backend!.process([record(), record({ auditID: "b" })]), true);
    assert.deepEqual(paths, ["POST /audit", "POST /audit"]);
    assert.equal(lists[0]?.kind, "EventList");
    assert.deepEqual(
      lists[0]?.items.map(({ auditID }) => auditID),
      ["id", "b"],
    );
    failures = 100;
    assert.equal(await backend!.process([record()]), false);
    assert.equal(paths.length, 7);
    assert.match(open.metrics.render(), /^apiserver_audit_error_total\{plugin="webhook"\} 1$/m);
  } finally {
    await backend!.close();
    server.close();
    server.closeAllConnections();
  }
});

function sizes({ batches }: Collected): readonly number[] {
  return batches.map((batch) => batch.length);
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
