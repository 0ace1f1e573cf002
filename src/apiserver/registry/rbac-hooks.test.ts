import assert from "node:assert/strict";
import { test } from "node:test";
import { isForbidden } from "#apimachinery";
import { openMemoryStore, type Store } from "#storage";
import { CONFIG_MAPS, forever, start } from "../server-fixture.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const jane = { name: "jane", groups: ["system:authenticated"] };
const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "reader" };
const reader = {
  metadata: { name: "reader" },
  rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list"] }],
};
const binding = {
  metadata: { name: "readers" },
  roleRef,
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "jane" }],
};

/** A store whose watches tell of a change some turns after its commit, and that counts who asks for its revision. */
async function lateStore(): Promise<{ store: Store; asked: () => number }> {
  const store = await openMemoryStore();
  let asked = 0;
  const late: Store = {
    get: (key) => store.get(key),
    range: (options) => store.range(options),
    commit: (writes, options) => store.commit(writes, options),
    async *watch(prefix, from, signal, onProgress) {
      for await (const changes of store.watch(prefix, from, signal, onProgress)) {
        for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
        yield changes;
      }
    },
    revision: () => {
      asked++;
      return store.revision();
    },
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
  };
  return { store: late, asked: () => asked };
}

test("rbacHooks() let a permission count, and go, with the answer, and ask the store for nothing more", async () => {
  const { store, asked } = await lateStore();
  const { server, send } = await start({ store, priorityAndFairness: false });
  const mayList = async (): Promise<boolean> => {
    const list = server.transport(jane).request({ method: "GET", path: CONFIG_MAPS }, forever);
    return list.then(
      () => true,
      (err: unknown) => {
        if (!isForbidden(err)) throw err;
        return false;
      },
    );
  };
  assert.equal(await mayList(), false);
  const before = asked();
  await send("POST", `${RBAC}/clusterroles`, reader);
  await send("POST", `${RBAC}/clusterrolebindings`, binding);
  assert.equal(asked(), before);
  assert.equal(await mayList(), true);
  const revision = asked();
  await send("DELETE", `${RBAC}/clusterrolebindings/readers`);
  assert.equal(asked(), revision);
  assert.equal(await mayList(), false);
});
