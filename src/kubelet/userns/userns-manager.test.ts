import assert from "node:assert/strict";
import { test } from "node:test";
import { testPod } from "../container/testing.ts";
import { defaultIdSpace, IdRanges, parseSubIds } from "./id-ranges.ts";
import { UsernsManager, type UsernsManagerOptions } from "./userns-manager.ts";

const UNIT = 65_536;

function ranges(maxPods = 110): IdRanges {
  return new IdRanges({ ...defaultIdSpace(UNIT), idsPerPod: UNIT, maxPods });
}

function filesOf(files: Map<string, string>): UsernsManagerOptions["host"] {
  return {
    list: async (path) => [
      ...new Set([...files.keys()].filter((f) => f.startsWith(`${path}/`)).map((f) => f.split("/")[3]!)),
    ],
    exists: async (path) => files.has(path),
    readFile: async (path) => files.get(path)!,
    writeFile: async (path, data) => void files.set(path, data),
    remove: async (path) => void files.delete(path),
  };
}

function manager(files: Map<string, string>, handlerSupports: UsernsManagerOptions["handlerSupports"]) {
  return new UsernsManager({ host: filesOf(files), rootDir: "/r", ranges: ranges(), handlerSupports });
}

const pod = (uid: string): ReturnType<typeof testPod> => testPod({ hostUsers: false }, { uid });

test("IdRanges gives each pod a range of its own, and the lowest free one again", () => {
  const made = ranges();
  assert.deepEqual([made.allocate("a"), made.allocate("b")], [UNIT, 2 * UNIT]);
  made.release("a");
  assert.equal(made.allocate("c"), UNIT);
  assert.throws(() => made.record("d", 2 * UNIT, UNIT), /range picked for pod "d" already taken/u);
  assert.throws(() => made.record("b", 3 * UNIT, UNIT), /different user namespace range already used/u);
});

const wrong: readonly (readonly [string, ConstructorParameters<typeof IdRanges>[0], RegExp])[] = [
  [
    "id 0",
    { firstId: 0, length: 2 ** 31, idsPerPod: UNIT, maxPods: 1 },
    /must be greater or equal to 65536/u,
  ],
  ["odd starts", { firstId: UNIT + 1, length: UNIT, idsPerPod: UNIT, maxPods: 1 }, /is not a multiple of/u],
  [
    "too few ids",
    { firstId: UNIT, length: UNIT, idsPerPod: UNIT, maxPods: 2 },
    /not enough to support 2 pods/u,
  ],
];

for (const [what, options, message] of wrong) {
  test(`IdRanges refuses ${what}`, () => assert.throws(() => new IdRanges(options), message));
}

test("parseSubIds() reads the one line of getsubids", () => {
  assert.deepEqual(parseSubIds("0: kubelet 65536 2147483648\n"), { firstId: 65_536, length: 2_147_483_648 });
  assert.throws(() => parseSubIds("0: kubelet 1 2\n1: kubelet 3 4\n"), /only one line/u);
});

test("UsernsManager keeps a pod's range over a restart, and gives it back at its end", async () => {
  const files = new Map<string, string>();
  const first = manager(files, () => true);
  const mapping = { hostId: UNIT, containerId: 0, length: UNIT };
  const expected = { mode: "POD", uids: [mapping], gids: [mapping] };
  assert.deepEqual(await first.namespaceOf(pod("a"), ""), expected);
  assert.equal(
    files.get("/r/pods/a/userns"),
    `{"uidMappings":[{"hostId":65536,"containerId":0,"length":65536}],"gidMappings":[{"hostId":65536,"containerId":0,"length":65536}]}`,
  );
  const second = manager(files, () => true);
  await second.load();
  assert.equal((await second.namespaceOf(pod("b"), "")).uids?.[0]?.hostId, 2 * UNIT);
  assert.deepEqual(await second.namespaceOf(pod("a"), ""), expected);
  await second.release("a");
  assert.equal(files.has("/r/pods/a/userns"), false);
  assert.equal((await second.namespaceOf(pod("c"), "")).uids?.[0]?.hostId, UNIT);
});

test("UsernsManager refuses with upstream's words where the runtime cannot, and leaves other pods to the node", async () => {
  const cannot = manager(new Map(), () => false);
  assert.deepEqual(await cannot.namespaceOf(testPod(), ""), { mode: "NODE" });
  const message = "can't set `spec.hostUsers: false`, ";
  await assert.rejects(cannot.namespaceOf(pod("a"), ""), {
    message: `${message}runtime does not support user namespaces`,
  });
  await assert.rejects(cannot.namespaceOf(pod("a"), "kata"), {
    message: `${message}RuntimeClass handler "kata" does not support user namespaces`,
  });
});

test("UsernsManager fails for mappings that it would not have written", async () => {
  const files = new Map([["/r/pods/a/userns", `{"uidMappings":[],"gidMappings":[]}`]]);
  await assert.rejects(
    manager(files, () => true).namespaceOf(pod("a"), ""),
    /^Error: user namespace: invalid user namespace configuration: no more than one mapping/u,
  );
});
