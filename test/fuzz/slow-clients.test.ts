/** Clients that are slow, many, or in a race: each gets what is due or is ended, and the others notice nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type * as http2 from "node:http2";
import { buffer } from "node:stream/consumers";
import { suite, test } from "node:test";
import { ConfigMaps } from "#api/core/v1/configmap";
import type { ConfigMap } from "#api/core/v1/types.gen";
import { isConflict, systemClock } from "#apimachinery";
import { connectHttp2, probe, startVictim, type Victim } from "./server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const BIG = "x".repeat(3_000);
const WATCHES = 10_000;
/** Streams of one connection, as clients of Kubernetes share them. */
const STREAMS = 1_000;
const RACERS = 200;
const ROUNDS = 1;

function map(name: string, a = "1"): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { a } };
}

async function createMany({ client, signal }: Victim, count: number): Promise<void> {
  for (let i = 0; i < count; i += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, j) => client.create(ConfigMaps, map(`big-${i + j}`, BIG), signal)),
    );
}

suite("slow and many clients", () => {
  test("a reader of a long list that stops reading holds up nobody, and gets all of it in the end", async () => {
    await using victim = await startVictim();
    await createMany(victim, 2_000);
    const session = connectHttp2(victim);
    const stream = session.request({ ":path": MAPS });
    await once(stream, "response");
    stream.pause();
    assert.equal(await probe(victim), "ok");
    const { items } = JSON.parse((await buffer(stream)).toString()) as { items: readonly unknown[] };
    assert.equal(items.length, 2_000);
    await close(session);
  });

  test("a watcher that falls behind is ended with 410, and nothing before it is skipped", async () => {
    await using victim = await startVictim({ watcherBacklogBytesMax: 200_000 });
    const session = connectHttp2(victim);
    const stream = session.request({ ":path": `${MAPS}?watch=true` });
    await once(stream, "response");
    const names = Array.from({ length: 3_000 }, (_, i) => `big-${i}`);
    const create = (name: string): Promise<unknown> =>
      victim.client.create(ConfigMaps, map(name, BIG), victim.signal);
    await create(names[0]!);
    const [first] = (await once(stream, "data")) as [Buffer];
    stream.pause();
    for (const name of names.slice(1)) await create(name);
    const lines = Buffer.concat([first, await buffer(stream)])
      .toString()
      .trimEnd()
      .split("\n");
    const events = lines.map((line) => JSON.parse(line) as WatchLine);
    const last = events.pop();
    assert.equal(last?.type, "ERROR");
    assert.equal(last.object.code, 410);
    assert.ok(events.length > 0 && events.length < names.length, `${events.length} events`);
    assert.deepEqual(
      events.map(({ object }) => object.metadata?.name),
      names.slice(0, events.length),
    );
    await close(session);
  });

  test("ten thousand watches of one resource each get every event once", async () => {
    await using victim = await startVictim();
    const sessions = Array.from({ length: WATCHES / STREAMS }, () => connectHttp2(victim));
    const counts: number[] = [];
    const streams: http2.ClientHttp2Stream[] = [];
    for (const session of sessions) {
      for (let i = 0; i < STREAMS; i++) {
        const stream = session.request({ ":path": `${MAPS}?watch=true` });
        const index = streams.push(stream) - 1;
        counts.push(0);
        stream.on("data", (bytes: Buffer) => (counts[index]! += bytes.toString().split("\n").length - 1));
      }
      await Promise.all(streams.slice(-STREAMS).map((stream) => once(stream, "response")));
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = (): void => {
      if (counts.every((count) => count === 2)) resolve();
    };
    for (const stream of streams) stream.on("data", () => setImmediate(check).unref());
    await victim.client.create(ConfigMaps, map("seen"), victim.signal);
    await victim.client.delete(ConfigMaps, { namespace: "default", name: "seen" }, victim.signal);
    await promise;
    assert.equal(await probe(victim), "ok");
    await Promise.all(sessions.map(close));
    assert.ok(counts.every((count) => count === 2));
  });

  test("two hundred clients that compare and swap one object lose no update", async () => {
    await using victim = await startVictim();
    const { client, signal } = victim;
    await client.create(ConfigMaps, map("counter", "0"), signal);
    const ref = { namespace: "default", name: "counter" };
    let conflicts = 0;
    const racer = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS;) {
        const read = await client.get(ConfigMaps, ref, signal);
        const data = { a: String(Number(read.data?.["a"]) + 1) };
        try {
          await client.update(ConfigMaps, { ...read, data }, signal);
          round++;
        } catch (err) {
          if (!isConflict(err)) throw err;
          conflicts++;
        }
      }
    };
    await Promise.all(Array.from({ length: RACERS }, racer));
    const { data } = await client.get(ConfigMaps, ref, signal);
    assert.equal(data?.["a"], String(RACERS * ROUNDS));
    assert.ok(conflicts > 0, "nobody was in anybody's way");
  });

  test("watches that nobody writes to cost the loop nothing", async () => {
    await using victim = await startVictim();
    const session = connectHttp2(victim);
    const streams = Array.from({ length: STREAMS }, () => session.request({ ":path": `${MAPS}?watch=true` }));
    await Promise.all(streams.map((stream) => once(stream, "response")));
    const before = process.cpuUsage();
    await systemClock.sleep(500, victim.signal);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 250_000, `${(user + system) / 1000} ms of processor time in 500 ms of nothing`);
    await close(session);
  });
});

async function close(session: http2.ClientHttp2Session): Promise<void> {
  const closed = once(session, "close");
  session.destroy();
  await closed;
}

interface WatchLine {
  readonly type: string;
  readonly object: { readonly code?: number; readonly metadata?: { readonly name: string } };
}
