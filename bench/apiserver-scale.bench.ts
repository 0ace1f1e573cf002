/**
 * The API server when there is much of everything: protobuf, twenty managers, 10,000 watchers, 150,000 pods, 200 custom
 * resource definitions, a start with 50,000 objects.
 *
 * The sketch: a LIST of 150,000 pods is 0.5 GB of stored bytes, sent in slices to another process: what it needs besides is
 * the slices on their way. A definition is served when its schema is compiled (1 ms). A start reads every byte once (50,000 × 3 KB) and
 * parses nothing but names and versions.
 *
 *     node --expose-gc bench/apiserver-scale.bench.ts manyObjects          or all of them
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv } from "node:process";
import { Readable } from "node:stream";
import { lookup } from "#api";
import { encodeProtobuf, parseJson, type JsonObject } from "#apimachinery";
import { median, report, round } from "#bench";
import { openLmdbStore, openMemoryStore } from "#storage";
import { body, drain, fanOut, load, serve, tls, type Served } from "./apiserver/fixture.ts";
import { NAME_PLACEHOLDER } from "./apiserver/load.ts";
import { podJson, podPath } from "./apiserver/pod.ts";

const CONNECTIONS = 200;
const TURNS = 5;
const CREATES = 5_000;
const MANAGERS = 20;
const APPLIES = 2_000;
const WATCHERS = 10_000;
const STREAMS = 1_000;
const CHANGES = 10;
const DEFINITIONS = 200;
const STORED = 50_000;
const LISTED = 150_000;
const SLICE_BYTES = 256 * 1024;
const PODS = "/registry/core/pods/";
const { signal } = new AbortController();

const parts = { protobufCreates, manyManagers, manyWatchers, manyDefinitions, manyObjects };
for (const [name, measure] of Object.entries(parts))
  if (argv.length === 2 || argv.includes(name)) await measure();

async function protobufCreates(): Promise<void> {
  const { served, remove } = await durable();
  const pod = parseJson(podJson(NAME_PLACEHOLDER)) as JsonObject;
  const schema = lookup({ group: "", version: "v1", kind: "Pod" })!;
  const asProtobuf = Buffer.from(encodeProtobuf(pod, schema)).toString("base64");
  const common = {
    port: served.port,
    method: "POST",
    path: podPath,
    connections: CONNECTIONS,
    requests: CREATES,
  } as const;
  const ours: number[] = [];
  const json: number[] = [];
  for (let turn = 0; turn <= TURNS; turn++) {
    const byProtobuf = await load({ ...common, body: asProtobuf, isProtobuf: true, run: `p${turn}` });
    const byJson = await load({ ...common, body: podJson(NAME_PLACEHOLDER), run: `j${turn}` });
    if (byProtobuf.failed + byJson.failed > 0) throw new Error(`${byProtobuf.failed} creates failed`);
    if (turn === 0) continue;
    ours.push(byProtobuf.perSecond);
    json.push(byJson.perSecond);
  }
  report({
    name: "apiserver: durable creates of a pod in protobuf over HTTPS",
    value: median(ours),
    unit: "/s",
    limit: { value: median(json), name: "the same in JSON" },
    runs: TURNS,
  });
  await remove();
}

async function manyManagers(): Promise<void> {
  const served = await serve(await openMemoryStore());
  const path = "/api/v1/namespaces/default/configmaps/shared";
  const apply = (manager: number, value: string): Promise<unknown> =>
    send(served, "PATCH", path, {
      query: { fieldManager: `manager-${manager}`, force: true },
      headers: { "content-type": "application/apply-patch+yaml" },
      body: {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "shared" },
        data: { [`key-${manager}`]: value },
      },
    });
  for (let manager = 0; manager < MANAGERS; manager++) await apply(manager, "0");
  const merge = (value: string): Promise<unknown> =>
    send(served, "PATCH", path, {
      headers: { "content-type": "application/merge-patch+json" },
      body: { data: { "key-0": value } },
    });
  const ours: number[] = [];
  const limit: number[] = [];
  for (let turn = 0; turn <= TURNS; turn++) {
    const applied = await perSecond(APPLIES, (i) => apply(i % MANAGERS, `${turn}-${i}`));
    const merged = await perSecond(APPLIES, (i) => merge(`${turn}-${i}`));
    if (turn === 0) continue;
    ours.push(applied);
    limit.push(merged);
  }
  report({
    name: `apiserver: server-side apply of an object with ${MANAGERS} managers, in process`,
    value: median(ours),
    unit: "/s",
    limit: { value: median(limit), name: "a merge patch of it" },
    runs: TURNS,
  });
  await served.close();
}

async function manyWatchers(): Promise<void> {
  const served = await serve(await openMemoryStore());
  const floor = await openStreams();
  const line = Buffer.from(`{"type":"MODIFIED","object":${podJson("x")}}\n`);
  const many = { watchers: WATCHERS, streams: STREAMS, deliveries: WATCHERS * CHANGES };
  const ours: number[] = [];
  const limit: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const floorRate = await fanOut({ ...many, port: floor.port, path: "/watch" }, async () => {
      for (let i = 0; i < CHANGES; i++) floor.broadcast(line);
    });
    limit.push(floorRate.perSecond);
    const { metadata } = (await send(served, "GET", podPath, { query: { limit: 1 } })) as Listed;
    const path = `${podPath}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const rate = await fanOut({ ...many, port: served.port, path }, async () => {
      for (let i = 0; i < CHANGES; i++)
        await send(served, "POST", podPath, { body: JSON.parse(podJson(`seen-${turn}-${i}`)) });
    });
    ours.push(rate.perSecond);
  }
  report({
    name: "apiserver: deliveries of changes to 10,000 watchers over HTTP/2",
    value: median(ours),
    unit: "/s",
    limit: { value: median(limit), name: "the same bytes to as many HTTP/2 streams" },
    runs: ours.length,
  });
  floor.close();
  await served.close();
}

async function manyDefinitions(): Promise<void> {
  const served = await serve(await openMemoryStore());
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  const createMs = await timed(() =>
    send(served, "POST", "/api/v1/namespaces/default/configmaps", { body: map }),
  );
  const servedMs: number[] = [];
  const startedAt = performance.now();
  for (let i = 0; i < DEFINITIONS; i++) servedMs.push(await timed(() => installed(served, i)));
  const allMs = performance.now() - startedAt;
  report({
    name: "apiserver: custom resource definition created → served, in process",
    value: median(servedMs),
    unit: "ms",
    limit: { value: createMs, name: "create of a ConfigMap" },
    runs: DEFINITIONS,
    also: { allOf200Ms: round(allMs) },
  });
  for (const [what, path, headers] of [
    [
      "discovery",
      "/apis",
      { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" },
    ],
    ["OpenAPI v2", "/openapi/v2", {}],
    ["OpenAPI v3 of one group", "/openapi/v3/apis/group7.example.com/v1", {}],
  ] as const) {
    const first = await timed(() => body(served.port, path, headers));
    const again: number[] = [];
    let bytes = 0;
    for (let i = 0; i < TURNS; i++)
      again.push(await timed(async () => void (bytes = (await body(served.port, path, headers)).length)));
    const limit = await timed(() => body(served.port, "/readyz"));
    report({
      name: `apiserver: ${what} with ${DEFINITIONS} definitions, HTTPS`,
      value: median(again),
      unit: "ms",
      limit: { value: limit, name: "a connection and a GET of nothing" },
      runs: TURNS,
      also: { firstMs: round(first), kibibytes: round(bytes / 1024) },
    });
  }
  await served.close();
}

async function installed(served: Served, i: number): Promise<void> {
  const group = `group${i % 20}.example.com`;
  const plural = `things${i}`;
  await send(served, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    body: definition(group, plural, `Thing${i}`),
  });
  for (;;) {
    const listed = await send(served, "GET", `/apis/${group}/v1/${plural}`, {}).catch(() => undefined);
    if (listed !== undefined) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function manyObjects(): Promise<void> {
  const { served, path, remove } = await durable();
  await createPods(served, 0, STORED);
  await served.close();
  const store = await openLmdbStore({ path });
  const readMs = await timed(() => store.range({ prefix: PODS }));
  const before = process.memoryUsage.rss();
  const startedAt = performance.now();
  const server = await serve(store);
  const startMs = performance.now() - startedAt;
  report({
    name: `apiserver: start with ${STORED} stored pods → listening`,
    value: startMs,
    unit: "ms",
    limit: { value: readMs, name: "reading the same bytes from the store" },
    runs: 1,
    also: { mebibytesOfPods: round((process.memoryUsage.rss() - before) / 2 ** 20) },
  });
  await createPods(server, STORED, LISTED);
  let bytes = 0;
  const first = await besides(async () => void (bytes = await drain(server.port, podPath)));
  const floor = await openSlices(bytes);
  const limit = await besides(() => drain(floor.port, "/"));
  const ours = await besides(() => drain(server.port, podPath));
  floor.close();
  report({
    name: `apiserver: LIST of ${LISTED} pods over HTTPS, memory besides`,
    value: first.mebibytes,
    unit: "MiB",
    // less than a MiB is not told from what the process does anyway
    limit: { value: Math.max(1, limit.mebibytes), name: "as many bytes of one slice over HTTPS" },
    runs: 1,
    also: {
      mebibytes: round(bytes / 2 ** 20),
      ms: round(ours.ms),
      firstMs: round(first.ms),
      againMebibytes: round(ours.mebibytes),
      floorMs: round(limit.ms),
    },
  });
  await server.close();
  await store.close();
  await remove();
}

/** The most memory that the process had while it worked, above what it had before. */
async function besides(
  work: () => Promise<unknown>,
): Promise<{ readonly mebibytes: number; readonly ms: number }> {
  globalThis.gc?.();
  const base = anonymousMebibytes();
  let peak = base;
  const watching = setInterval(() => (peak = Math.max(peak, anonymousMebibytes())), 5);
  const ms = await timed(work);
  clearInterval(watching);
  return { mebibytes: peak - base, ms };
}

/** Without the pages of the store's file, which the kernel takes back when it likes. */
function anonymousMebibytes(): number {
  const [, kibibytes] = /^RssAnon:\s+(\d+)/mu.exec(readFileSync("/proc/self/status", "utf8"))!;
  return Number(kibibytes) / 1024;
}

/** Writes as many bytes to whoever asks, one slice again and again, and waits while nobody reads. */
async function openSlices(bytes: number): Promise<{ readonly port: number; close(): void }> {
  const server = createServer(tls, (_, response) => void Readable.from(slices(bytes)).pipe(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

function* slices(bytes: number): Generator<Buffer> {
  const slice = Buffer.alloc(SLICE_BYTES, " ");
  for (let sent = 0; sent < bytes; sent += slice.length) yield slice;
}

interface Listed {
  readonly metadata: { readonly resourceVersion: string };
}

interface Sent {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

async function send({ server }: Served, method: string, path: string, sent: Sent): Promise<unknown> {
  const response = await server.transport().request({ method, path, ...sent } as never, signal);
  return response.body;
}

interface Durable {
  readonly served: Served;
  readonly path: string;
  readonly remove: () => Promise<void>;
}

async function durable(): Promise<Durable> {
  const path = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
  const store = await openLmdbStore({ path });
  const served = await serve(store);
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await served.close();
    await store.close();
  };
  const remove = async (): Promise<void> => {
    await close();
    rmSync(path, { recursive: true });
  };
  return { served: { ...served, close }, path, remove };
}

async function createPods(served: Served, from: number, to: number): Promise<void> {
  const template = JSON.parse(podJson("x")) as { metadata: object };
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      const metadata = { ...template.metadata, name: `pod-${next++}` };
      await send(served, "POST", podPath, { body: { ...template, metadata } });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function perSecond(count: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const ms = await timed(async () => {
    for (let i = 0; i < count; i++) await work(i);
  });
  return (count / ms) * 1000;
}

interface Streams {
  readonly port: number;
  broadcast(chunk: Uint8Array): void;
  close(): void;
}

/** Writes to as many HTTP/2 streams as there are. */
async function openStreams(): Promise<Streams> {
  const streams: ServerHttp2Stream[] = [];
  const server = createSecureServer({ ...tls, settings: { maxConcurrentStreams: STREAMS } });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    streams.push(stream);
    stream.on("error", () => {}); // the worker ends with its connections
    stream.on("close", () => void streams.splice(streams.indexOf(stream), 1));
  });
  server.on("sessionError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    broadcast: (chunk) => {
      for (const stream of streams) stream.write(chunk);
    },
    close: () => void server.close(),
  };
}

function definition(group: string, plural: string, kind: string): object {
  const text = { type: "string", maxLength: 64 };
  const spec = {
    type: "object",
    required: ["size"],
    properties: {
      size: { type: "integer", minimum: 0 },
      name: text,
      tags: { type: "array", maxItems: 10, items: text },
      nested: {
        type: "object",
        properties: { a: text, b: text, c: { type: "object", properties: { d: text } } },
      },
    },
    "x-kubernetes-validations": [{ rule: "self.size < 100", message: "too large" }],
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
        },
      ],
    },
  };
}
