/** The API server forgets old history by itself, and says so to those who still ask for it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { suite, test } from "node:test";
import { FakeClock, StatusError, type KubeList, type Status, type WatchEvent } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { openLmdbStore, openMemoryStore, type Store } from "#storage";

const POD_TEMPLATES = "/api/v1/namespaces/default/podtemplates";
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const INTERVAL_MS = 5 * 60_000;
const never = new AbortController().signal;

const stores: Readonly<Record<string, (folder: string) => Promise<Store>>> = {
  memory: () => openMemoryStore(),
  lmdb: (folder) => openLmdbStore({ path: join(folder, "store") }),
};

for (const [name, open] of Object.entries(stores)) {
  suite(`compaction of the ${name} store`, () => {
    test("ends what goes on from older revisions, and nothing else", async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "k8ts-compaction-"));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const store = await open(folder);
      t.after(() => store.close());
      const clock = new FakeClock();
      // Nobody else is to write.
      await using server = await createApiServer({ store, clock, priorityAndFairness: false });
      const transport = server.transport();
      const get = async (path: string, query: Record<string, string | number>): Promise<KubeList> =>
        (await transport.request({ method: "GET", path, query }, never)).body as KubeList;
      const create = (path: string, body: object): Promise<unknown> =>
        transport.request({ method: "POST", path, body }, never);
      const template = { metadata: {}, spec: { containers: [{ name: "c", image: "i" }] } };

      for (const each of ["a", "b", "c"]) {
        await create(POD_TEMPLATES, { metadata: { name: each }, template });
        await create(CONFIG_MAPS, { metadata: { name: each } });
      }
      const pages = {
        idle: await get(POD_TEMPLATES, { limit: 1 }),
        busy: await get(CONFIG_MAPS, { limit: 1 }),
      };
      const old = pages.busy.metadata.resourceVersion!;
      await create(CONFIG_MAPS, { metadata: { name: "d" } });
      const kept = String(await store.revision());

      // The first interval began before these writes, the second after them: its beginning is where history begins.
      for (let i = 0; i < 2; i++) {
        await get(CONFIG_MAPS, { limit: 1, continue: pages.busy.metadata.continue! });
        await pass(clock);
      }

      for (const [path, page] of [
        [POD_TEMPLATES, pages.idle],
        [CONFIG_MAPS, pages.busy],
      ] as const) {
        const status = await refused(get(path, { limit: 1, continue: page.metadata.continue! }));
        assert.deepEqual([status.code, status.reason], [410, "Expired"]);
        assert.match(status.message!, /^The provided continue parameter is too old to display a consistent/);
        const rest = await get(path, { continue: (status.metadata as KubeList["metadata"]).continue! });
        assert.equal(rest.items[0]!.metadata.name, "b");
      }
      const exact = { resourceVersion: old, resourceVersionMatch: "Exact" };
      assert.equal(
        (await refused(get(CONFIG_MAPS, exact))).message,
        "The resourceVersion for the provided list is too old.",
      );

      const first = async (resourceVersion: string): Promise<WatchEvent> => {
        const query = { resourceVersion };
        for await (const event of transport.watch({ method: "GET", path: CONFIG_MAPS, query }, never))
          return event;
        return assert.fail("the watch ended");
      };
      const event = await first(old);
      assert.equal(event.type, "ERROR");
      assert.equal(event.object.code, 410);
      assert.equal(event.object.reason, "Expired");
      assert.equal(event.object.message, `too old resource version: ${old} (${kept})`);
      const next = first(kept);
      await create(CONFIG_MAPS, { metadata: { name: "e" } });
      assert.equal((await next).type, "ADDED");
    });
  });
}

/** Lets an interval pass, and whatever begins at its end. */
async function pass(clock: FakeClock): Promise<void> {
  const timers = clock.pending;
  clock.advance(INTERVAL_MS);
  // The compactor waits for the next interval when it is done.
  while (clock.pending < timers) await setImmediate();
}

async function refused(promise: Promise<unknown>): Promise<Status> {
  const err: unknown = await promise.then(
    () => assert.fail("it was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(err instanceof StatusError);
  return err.toStatus();
}
