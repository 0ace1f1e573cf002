/**
 * The API server over HTTPS next to what HTTPS alone does in the same run: durable creates, GET, LIST of 10,000 pods,
 * one change to 1,000 watchers. One event loop serves, a worker asks.
 *
 * The sketch: a create is a POST with parse and stringify (the floor, 38 µs) plus decoding, defaults, validation and
 * admission (60 µs) and a share of a group commit (10 µs): 100 µs. A GET is the floor plus authentication from a cache
 * and a lookup. A LIST copies bytes. A delivery writes shared bytes to one more TLS stream.
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, report, round } from "#bench";
import { openLmdbStore, openMemoryStore } from "#storage";
import { body, fanOut, load, serve, tls, type FanOut, type Measured } from "./apiserver/fixture.ts";
import { openFloor, type Floor } from "./apiserver/floors.ts";
import { NAME_PLACEHOLDER } from "./apiserver/load.ts";
import { podJson, podPath } from "./apiserver/pod.ts";

const CONNECTIONS = 200;
/** Floor and server take turns; each number is the median of its turns. */
const TURNS = 5;
const PODS = 10_000;
const CREATES = 5_000;
const GETS = 20_000;
const LISTS = 3;
const WATCHERS = 1_000;
const CHANGES = 40;

await creates();
await reads();

async function creates(): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
  const store = await openLmdbStore({ path });
  const server = await serve(store);
  const floor = await openFloor(tls, Buffer.from(podJson("x")), []);
  const turns = await takeTurns(
    (turn) => post(server.port, `r${turn}`),
    (turn) => post(floor.port, `r${turn}`),
  );
  reportRates("apiserver: durable creates of a pod over HTTPS", turns, "HTTPS POST, parsed and stringified");
  floor.close();
  await server.close();
  await store.close();
  rmSync(path, { recursive: true });
}

async function reads(): Promise<void> {
  const store = await openMemoryStore();
  const server = await serve(store);
  await load({
    port: server.port,
    method: "POST",
    path: podPath,
    body: podJson(NAME_PLACEHOLDER),
    connections: CONNECTIONS,
    requests: PODS,
    run: "pod",
  });
  const one = await body(server.port, `${podPath}/pod-7`);
  const all = await body(server.port, podPath);
  const slices = Array.from({ length: Math.ceil(all.length / 262_144) }, (_, i) =>
    all.subarray(i * 262_144, (i + 1) * 262_144),
  );
  const floor = await openFloor(tls, one, slices);
  const get = (port: number): Promise<Measured> =>
    load({
      port,
      method: "GET",
      path: `${podPath}/pod-7`,
      connections: CONNECTIONS,
      requests: GETS,
      run: "",
    });
  const gets = await takeTurns(
    () => get(server.port),
    () => get(floor.port),
  );
  reportRates("apiserver: GET of a pod over HTTPS", gets, "HTTPS GET of the same bytes");

  const lists = await takeTurns(
    () => listAll(server.port, podPath),
    () => listAll(floor.port, "/list"),
  );
  const heldMs = await longestTurn(() => listAll(server.port, podPath));
  report({
    name: "apiserver: LIST of 10,000 pods over HTTPS",
    value: medianOf(lists.ours, ({ perSecond }) => 1000 / perSecond),
    unit: "ms",
    limit: {
      value: medianOf(lists.limit, ({ perSecond }) => 1000 / perSecond),
      name: "the same bytes over HTTPS",
    },
    runs: TURNS,
    also: { mebibytes: round(all.length / 2 ** 20), loopHeldMsMax: round(heldMs) },
  });
  await watches(server.port, floor);
  floor.close();
  await server.close();
}

function listAll(port: number, path: string): Promise<Measured> {
  return load({ port, method: "GET", path, connections: 1, requests: LISTS, run: "" });
}

function rate(results: readonly FanOut[]): number {
  return median(results.map(({ perSecond }) => perSecond));
}

function cpu(results: readonly FanOut[]): number {
  return median(results.map(({ cpuMicros }) => cpuMicros));
}

async function watches(port: number, floor: Floor): Promise<void> {
  const line = Buffer.from(`{"type":"MODIFIED","object":${podJson("x")}}\n`);
  const many = { watchers: WATCHERS, deliveries: WATCHERS * CHANGES };
  const limit: FanOut[] = [];
  const ours: FanOut[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    limit.push(await fanOut({ ...many, port: floor.port, path: "/watch" }, () => broadcastAll(floor, line)));
    const path = `${podPath}?watch=true&resourceVersion=${await resourceVersion(port)}`;
    ours.push(await fanOut({ ...many, port, path }, () => createWatched(port, `watched${turn}`)));
  }
  report({
    name: "apiserver: deliveries of changes to 1,000 watchers over HTTPS",
    value: rate(ours),
    unit: "/s",
    limit: { value: rate(limit), name: "the same bytes to as many HTTPS responses" },
    runs: TURNS,
    also: {
      cpuMicros: round(cpu(ours)),
      limitCpuMicros: round(cpu(limit)),
      cpuRatio: round(cpu(limit) / cpu(ours)),
    },
  });
}

async function broadcastAll(floor: Floor, line: Uint8Array): Promise<void> {
  for (let i = 0; i < CHANGES; i++) {
    floor.broadcast(line);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function createWatched(port: number, run: string): Promise<void> {
  const template = podJson(NAME_PLACEHOLDER);
  await load({ port, method: "POST", path: podPath, body: template, connections: 1, requests: CHANGES, run });
}

/** CPU time, ms, of the longest turn of the event loop meanwhile: what others on the machine do does not count. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  let last = process.threadCpuUsage();
  const turn = (): void => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, now.user + now.system - last.user - last.system);
    last = now;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  isDone = true;
  return longest / 1000;
}

function post(port: number, run: string): Promise<Measured> {
  const template = podJson(NAME_PLACEHOLDER);
  return load({
    port,
    method: "POST",
    path: podPath,
    body: template,
    connections: CONNECTIONS,
    requests: CREATES,
    run,
  });
}

async function resourceVersion(port: number): Promise<string> {
  const list = JSON.parse((await body(port, `${podPath}?limit=1`)).toString()) as {
    metadata: { resourceVersion: string };
  };
  return list.metadata.resourceVersion;
}

interface Turns {
  readonly ours: readonly Measured[];
  readonly limit: readonly Measured[];
}

/** The first turn of each warms up and does not count. */
async function takeTurns(
  ours: (turn: number) => Promise<Measured>,
  limit: (turn: number) => Promise<Measured>,
): Promise<Turns> {
  const turns: { ours: Measured[]; limit: Measured[] } = { ours: [], limit: [] };
  for (let turn = 0; turn <= TURNS; turn++) {
    turns.limit.push(await limit(turn));
    turns.ours.push(await ours(turn));
  }
  return { ours: turns.ours.slice(1), limit: turns.limit.slice(1) };
}

function medianOf(results: readonly Measured[], of: (result: Measured) => number): number {
  return median(results.map(of));
}

function reportRates(name: string, { ours, limit }: Turns, limitName: string): void {
  const cpuMicros = medianOf(ours, (turn) => turn.cpuMicros);
  const limitCpuMicros = medianOf(limit, (turn) => turn.cpuMicros);
  report({
    name,
    value: medianOf(ours, ({ perSecond }) => perSecond),
    unit: "/s",
    limit: { value: medianOf(limit, ({ perSecond }) => perSecond), name: limitName },
    runs: TURNS,
    also: {
      cpuMicros: round(cpuMicros),
      limitCpuMicros: round(limitCpuMicros),
      cpuRatio: round(limitCpuMicros / cpuMicros),
      p99Ms: round(medianOf(ours, ({ p99 }) => p99)),
      failed: ours.reduce((sum, { failed }) => sum + failed, 0),
    },
  });
}
