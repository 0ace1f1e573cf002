import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { silentLogger } from "#apimachinery";
import type { Container } from "../container.ts";
import type { PodSandbox } from "../sandbox.ts";
import { LOOKS_MAX, sweepOnce, type ShimWatch, type Suspect } from "./orphan-shims.ts";
import { type Shim, shimIdOf, shimSocket } from "./shims.ts";

const SOCKET = "/run/k8ts/a/n/containerd.sock";
const signal = new AbortController().signal;
const argv = (more: Readonly<Record<string, string>> = {}): readonly string[] => [
  "/usr/bin/containerd-shim-runc-v2",
  ...Object.entries({ "-namespace": "k8s.io", "-id": "s1", "-address": SOCKET, ...more }).flat(),
];

suite("sweepOnce", () => {
  const shim: Shim = { pid: 7, id: "s1" };
  const seen = (looks: number): Suspect => ({ ...shim, looks });
  interface State {
    readonly running?: readonly Shim[];
    readonly sandboxes?: readonly Pick<PodSandbox, "id" | "state">[];
    readonly containers?: readonly Pick<Container, "id" | "podSandboxId" | "state">[];
    readonly known?: readonly string[];
  }
  const sweep = async (
    { running = [shim], sandboxes = [], containers = [], known = [] }: State,
    before: readonly Suspect[],
  ): Promise<{ ended: readonly Shim[]; after: readonly Suspect[] }> => {
    const ended: Shim[] = [];
    const watch: ShimWatch = {
      shims: () => Promise.resolve(running),
      runtime: {
        listPodSandbox: () => Promise.resolve(sandboxes as readonly PodSandbox[]),
        listContainers: () => Promise.resolve(containers as readonly Container[]),
      },
      isKnown: (id) => Promise.resolve(known.includes(id)),
      end: (one) => Promise.resolve(void ended.push(one)),
    };
    return { after: await sweepOnce(watch, before, silentLogger, signal), ended };
  };
  const ready = { id: "s1", state: "SANDBOX_READY" } as const;
  const notReady = { id: "s1", state: "SANDBOX_NOTREADY" } as const;
  const container = { id: "c1", podSandboxId: "s1" };
  const long = [seen(LOOKS_MAX - 1)];
  const cases: readonly (readonly [string, State, readonly Suspect[], boolean, readonly Suspect[]])[] = [
    ["suspects whom nobody knows", {}, [], false, [seen(1)]],
    ["goes on to suspect", {}, [seen(1)], false, [seen(2)]],
    ["ends whom nobody knew for long", {}, long, true, []],
    ["ends whose sandbox has ended for long", { sandboxes: [notReady], known: ["s1"] }, long, true, []],
    ["lets a sandbox's go on", { sandboxes: [ready] }, long, false, []],
    [
      "lets one go on while a container of an ended sandbox runs",
      { sandboxes: [notReady], containers: [{ ...container, state: "CONTAINER_RUNNING" }] },
      long,
      false,
      [],
    ],
    [
      "takes no heed of containers that have ended",
      { sandboxes: [notReady], containers: [{ ...container, state: "CONTAINER_EXITED" }] },
      long,
      true,
      [],
    ],
    ["lets one go on whose sandbox is being made", { known: ["s1"] }, long, false, []],
    ["takes another shim of that sandbox for another", {}, [{ ...seen(4), pid: 8 }], false, [seen(1)]],
    ["forgets who has ended", { running: [] }, long, false, []],
  ];
  for (const [what, state, before, isEnded, after] of cases)
    test(`sweepOnce ${what}`, async () => {
      assert.deepEqual(await sweep(state, before), { ended: isEnded ? [shim] : [], after });
    });
});

suite("shimIdOf", () => {
  for (const [what, words, id] of [
    ["knows our own", argv(), "s1"],
    ["leaves another containerd's alone", argv({ "-address": "/run/containerd/containerd.sock" }), undefined],
    ["leaves what is not Kubernetes' alone", argv({ "-namespace": "moby" }), undefined],
    ["knows no other programs", ["sleep", ...argv().slice(1)], undefined],
    ["takes nothing for an option's value", ["containerd-shim", "s1"], undefined],
  ] as const)
    test(`shimIdOf ${what}`, () => assert.equal(shimIdOf(words, SOCKET), id));
});

test("shimSocket is containerd's own name for it", () => {
  assert.equal(
    shimSocket("/run/containerd/containerd.sock", "a"),
    "/run/containerd/s/0b3c2065c4ad3e641dd16f5e2616734bf417fa5579f1c3b8f774f802cfa45e4b",
  );
});
