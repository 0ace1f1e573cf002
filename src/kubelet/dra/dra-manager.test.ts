import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "#component-base";
import { FakeClock, type KubeObject, notFound, silentLogger } from "#apimachinery";
import type { Pod, PodStatus } from "#api/core/v1/types.gen";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import { RuntimeError } from "#cri";
import { memoryState, type StateFile } from "../checkpoint/state-file.ts";
import { NODE_START_MS, testContainer, testPod } from "../container/testing.ts";
import { ClaimInfoCache } from "./claim-info-cache.ts";
import { DRAManager } from "./dra-manager.ts";
import { newDRAMetrics } from "./dra-metrics.ts";
import type { DRAPlugin } from "./dra-plugin.ts";
import type { PluginDeviceHealth } from "./dra-tables.ts";
import { HealthInfo } from "./health-info.ts";

const NEVER = new AbortController().signal;
const ALL = ["a", "b", "c"];

interface ClaimShape {
  readonly drivers?: readonly string[];
  readonly pods?: readonly string[];
  readonly uid?: string;
  readonly owner?: string;
}

function claimOf(
  name: string,
  { drivers = ["d1"], pods = ALL, uid = `${name}-uid`, owner }: ClaimShape = {},
) {
  const owners =
    owner === undefined
      ? {}
      : {
          ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: owner, uid: owner, controller: true }],
        };
  const claim: ResourceClaim = {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name, namespace: "default", uid, ...owners },
    spec: {},
    status: {
      ...(drivers.length > 0 && {
        allocation: {
          devices: {
            results: drivers.map((driver) => ({ driver, pool: "p", device: `${driver}-1`, request: "r" })),
          },
        },
      }),
      reservedFor: pods.map((pod) => ({ resource: "pods", name: pod, uid: pod })),
    },
  };
  return claim;
}

function podOf(name: string, claims: readonly string[] = ["x"], status?: PodStatus): Pod {
  const uses = claims.map((claim) => ({ name: `my-${claim}`, resourceClaimName: claim }));
  const containers = [testContainer("c", { resources: { claims: uses.map((use) => ({ name: use.name })) } })];
  const pod = testPod({ resourceClaims: uses, containers }, { name, uid: name });
  return status === undefined ? pod : { ...pod, status };
}

/** Of a template; the claim that was made of it, if there had to be one. */
function templatePod(resourceClaimName?: string): Pod {
  const made = { name: "t", ...(resourceClaimName !== undefined && { resourceClaimName }) };
  return {
    ...testPod({ resourceClaims: [{ name: "t", resourceClaimTemplateName: "x" }] }, { uid: "a" }),
    status: { resourceClaimStatuses: [made] },
  };
}

interface NodeOptions {
  readonly file?: StateFile;
  readonly claims?: readonly ResourceClaim[];
}

async function node({ file = memoryState(), claims = [claimOf("x")] }: NodeOptions = {}) {
  const clock = new FakeClock(NODE_START_MS);
  const calls: string[] = [];
  const sick: string[] = [];
  const absent = new Set<string>();
  const faults: (() => Promise<ReadonlyMap<string, { devices: []; error: string }>>)[] = [];
  const active: Pod[] = [];
  const byName = new Map(claims.map((claim) => [claim.metadata.name, claim]));
  const client = {
    async get<T extends KubeObject>(_kind: unknown, { name }: { readonly name: string }): Promise<T> {
      const found = byName.get(name);
      if (found === undefined) throw notFound({ group: "resource.k8s.io", resource: "resourceclaims" }, name);
      return found as KubeObject as T;
    },
  };
  const pluginOf = (driver: string): DRAPlugin => ({
    async prepare(asked) {
      calls.push(`${driver} prepare ${asked.map(({ name }) => name).join(" ")}`);
      const fault = faults.shift();
      if (fault !== undefined) return fault();
      return new Map(
        asked.map(({ uid, name }) => [
          uid,
          {
            error: "",
            devices: [
              {
                requestNames: ["r"],
                poolName: "p",
                deviceName: `${driver}-1`,
                cdiDeviceIds: [`${driver}/k=${name}`],
                shareId: "",
              },
            ],
          },
        ]),
      );
    },
    async unprepare(asked) {
      calls.push(`${driver} unprepare ${asked.map(({ name }) => name).join(" ")}`);
      return new Map(asked.map(({ uid }) => [uid, ""]));
    },
  });
  const registry = new Registry();
  const cache = new ClaimInfoCache(file);
  const health = new HealthInfo({ clock, logger: silentLogger, file: memoryState() });
  const prepared = () => cache.list().flatMap((info) => (info.isPrepared ? [[...info.drivers.keys()]] : []));
  const manager = new DRAManager({
    client,
    clock,
    logger: silentLogger,
    cache,
    health,
    metrics: newDRAMetrics(registry, prepared),
    plugin(driver) {
      if (absent.has(driver)) throw new Error(`DRA driver ${driver} is not registered`);
      return pluginOf(driver);
    },
    activePods: () => active,
    onHealth: (uid) => void sick.push(uid),
  });
  await cache.load();
  return {
    manager,
    cache,
    clock,
    registry,
    absent,
    faults,
    active,
    sick,
    byName,
    prepare: async (pod: Pod) => {
      await manager.prepare(pod, NEVER);
      return calls.splice(0);
    },
    unprepare: async (uid: string) => {
      await manager.unprepare(uid, NEVER);
      return calls.splice(0);
    },
    happened: () => calls.splice(0),
  };
}

const failing = (message: string): { readonly message: string } => ({
  message: `prepare dynamic resources: ${message}`,
});

suite("DRAManager", () => {
  test("DRAManager prepares a claim for its first pod and unprepares it after its last", async () => {
    const n = await node();
    assert.deepEqual(await n.prepare(podOf("a")), ["d1 prepare x"]);
    assert.deepEqual(await n.prepare(podOf("b")), []);
    assert.deepEqual(n.manager.cdiDevices(podOf("b"), podOf("b").spec!.containers[0]!), ["d1/k=x"]);
    assert.deepEqual(await n.unprepare("a"), []);
    assert.deepEqual(await n.unprepare("b"), ["d1 unprepare x"]);
    assert.deepEqual(await n.unprepare("b"), []);
    assert.deepEqual(n.cache.list(), []);
  });

  test("DRAManager asks each driver once for all claims of a pod", async () => {
    const n = await node({ claims: [claimOf("x", { drivers: ["d1", "d2", "d1"] }), claimOf("y")] });
    assert.deepEqual(await n.prepare(podOf("a", ["x", "y"])), ["d1 prepare x y", "d2 prepare x"]);
    assert.deepEqual(await n.unprepare("a"), ["d1 unprepare x y", "d2 unprepare x"]);
  });

  test("DRAManager says why a claim cannot be prepared, and notes nothing of it", async () => {
    const made = { resourceClaimStatuses: [{ name: "t", resourceClaimName: "x" }] };
    const template = testPod(
      { resourceClaims: [{ name: "t", resourceClaimTemplateName: "x" }] },
      { name: "a", uid: "a" },
    );
    const cases: readonly (readonly [pod: Pod, claim: ResourceClaim, message: string])[] = [
      [
        podOf("a", ["q"]),
        claimOf("x"),
        'fetch ResourceClaim q: resourceclaims.resource.k8s.io "q" not found',
      ],
      [podOf("z"), claimOf("x"), "pod z (z) is not allowed to use ResourceClaim x (x-uid)"],
      [podOf("a"), claimOf("x", { drivers: [] }), "ResourceClaim x: not allocated"],
      [podOf("a"), claimOf("x", { drivers: ["gone"] }), "DRA driver gone is not registered"],
      [template, claimOf("x"), 'pod "default/a": ResourceClaim not created yet'],
      [
        { ...template, status: made },
        claimOf("x", { owner: "b" }),
        "ResourceClaim default/x was not created for Pod default/a (Pod is not owner)",
      ],
    ];
    for (const [pod, claim, message] of cases) {
      const n = await node({ claims: [claim] });
      n.absent.add("gone");
      await assert.rejects(n.prepare(pod), failing(message));
      assert.deepEqual(n.cache.list(), []);
      assert.deepEqual(await n.unprepare("a"), []);
    }
  });

  test("DRAManager takes the claim that was made for the pod, and none where none is needed", async () => {
    const n = await node({ claims: [claimOf("x", { owner: "a" })] });
    assert.deepEqual(await n.prepare(templatePod()), []);
    assert.deepEqual(await n.prepare(templatePod("x")), ["d1 prepare x"]);
  });

  test("DRAManager fails with what the driver says, and asks again", async () => {
    const n = await node();
    const answers: readonly (readonly [
      () => Promise<ReadonlyMap<string, { devices: []; error: string }>>,
      string,
    ])[] = [
      [
        () => Promise.reject(new RuntimeError("Unavailable", "nobody is here")),
        "NodePrepareResources: rpc error: code = Unavailable desc = nobody is here",
      ],
      [
        async () => new Map([["x-uid", { devices: [], error: "it burns" }]]),
        "NodePrepareResources failed for ResourceClaim x: it burns",
      ],
      [
        async () => new Map([["other", { devices: [], error: "" }]]),
        "NodePrepareResources returned result for unknown claim UID other",
      ],
      [async () => new Map(), "NodePrepareResources skipped 1 ResourceClaims"],
    ];
    for (const [fault, message] of answers) {
      n.faults.push(fault);
      await assert.rejects(n.prepare(podOf("a")), failing(message));
      assert.deepEqual(n.happened(), ["d1 prepare x"]);
    }
    assert.deepEqual(await n.prepare(podOf("a")), ["d1 prepare x"]);
    assert.match(
      await n.registry.metrics(),
      /dra_operations_duration_seconds_count\{operation_name="PrepareResources",is_error="true"\} 4/,
    );
    assert.match(await n.registry.metrics(), /dra_resource_claims_in_use\{driver_name="<any>"\} 1/);
  });

  test("DRAManager undoes what failed half-way when the pod goes", async () => {
    const n = await node();
    n.faults.push(() => Promise.reject(new Error("no")));
    await assert.rejects(n.prepare(podOf("a")));
    n.happened();
    assert.deepEqual(await n.unprepare("a"), ["d1 unprepare x"]);
  });

  test("DRAManager keeps a claim until its driver is back to let go of it", async () => {
    const n = await node();
    await n.prepare(podOf("a"));
    n.absent.add("d1");
    await assert.rejects(n.unprepare("a"), {
      message: "unprepare dynamic resources: DRA driver d1 is not registered",
    });
    n.absent.clear();
    assert.deepEqual(await n.unprepare("a"), ["d1 unprepare x"]);
  });

  test("DRAManager knows after a restart what is prepared, and prepares it again for pods that come", async () => {
    const file = memoryState();
    const first = await node({ file });
    await first.prepare(podOf("a"));
    const next = await node({ file });
    const container = podOf("a").spec!.containers[0]!;
    assert.deepEqual(next.manager.cdiDevices(podOf("a"), container), ["d1/k=x"]);
    assert.deepEqual(await next.prepare(podOf("b")), ["d1 prepare x"]);
    assert.deepEqual(next.manager.cdiDevices(podOf("a"), container), ["d1/k=x"]);
    assert.deepEqual(await next.unprepare("a"), []);
    assert.deepEqual(await next.unprepare("b"), ["d1 unprepare x"]);
    assert.deepEqual((await node({ file })).cache.list(), []);
  });

  test("DRAManager lets go of claims whose pods are gone unseen", async () => {
    const file = memoryState();
    await (await node({ file })).prepare(podOf("a"));
    const n = await node({ file });
    n.active.push(podOf("b"));
    const stop = new AbortController();
    const running = n.manager.run(stop.signal);
    n.absent.add("d1");
    n.clock.advance(60_000);
    await new Promise(setImmediate);
    assert.equal(n.cache.list().length, 1);
    n.absent.clear();
    n.manager.checkSoon();
    await new Promise(setImmediate);
    assert.deepEqual(n.happened(), ["d1 unprepare x"]);
    stop.abort();
    await running;
  });

  test("DRAManager takes no claim for one of the same name before it", async () => {
    const n = await node();
    await n.prepare(podOf("a"));
    n.byName.set("x", claimOf("x", { uid: "second" }));
    await assert.rejects(
      n.prepare(podOf("b")),
      failing(
        "old ResourceClaim with same name x and different UID x-uid still exists (previous pod force-deleted?!)",
      ),
    );
  });

  test("DRAManager does not take a claim from a pod that comes while the last one goes", async () => {
    const n = await node();
    await n.prepare(podOf("a"));
    await Promise.all([n.manager.unprepare("a", NEVER), n.manager.prepare(podOf("b"), NEVER)]);
    const order = n.happened().join(", ");
    assert.equal(n.cache.ofPod("b").length, 1);
    assert.ok(order === "" || order === "d1 unprepare x, d1 prepare x", order);
  });

  test("DRAManager does not let go of a claim for a pod that never had it", async () => {
    const n = await node();
    await n.prepare(podOf("a"));
    assert.deepEqual(await n.unprepare("c"), []);
  });

  test("DRAManager gives a container only what it asks for, also for extended resources", async () => {
    const extended = {
      extendedResourceClaimStatus: {
        resourceClaimName: "e",
        requestMappings: [
          { containerName: "c", resourceName: "example.com/gpu", requestName: "r" },
          { containerName: "d", resourceName: "example.com/gpu", requestName: "other" },
        ],
      },
    };
    const n = await node({ claims: [claimOf("x"), claimOf("e")] });
    const pod = podOf("a", ["x"], extended);
    assert.deepEqual(await n.prepare(pod), ["d1 prepare x e"]);
    const requests = { requests: { "example.com/gpu": "1" } };
    const devices = (resources: object, name = "c"): readonly string[] =>
      n.manager.cdiDevices(pod, testContainer(name, { resources }));
    assert.deepEqual(devices({}), []);
    assert.deepEqual(devices({ claims: [{ name: "my-x" }] }), ["d1/k=x"]);
    assert.deepEqual(devices({ claims: [{ name: "my-x", request: "r" }] }), ["d1/k=x"]);
    assert.deepEqual(devices({ claims: [{ name: "my-x", request: "s" }] }), []);
    assert.deepEqual(devices(requests), ["d1/k=e"]);
    assert.deepEqual(devices(requests, "d"), []);
    assert.deepEqual(await n.unprepare("a"), ["d1 unprepare x e"]);
  });

  test("DRAManager tells of the health of devices, and for whom it changed", async () => {
    const n = await node();
    const pod = podOf("a");
    const container = pod.spec!.containers[0]!;
    await n.prepare(pod);
    const tell = (health: string, message = ""): void => {
      const device = { poolName: "p", deviceName: "d1-1" };
      const told: PluginDeviceHealth = { device, health, healthCheckTimeoutSeconds: 0, message };
      n.manager.healthTold("d1", [told]);
    };
    const status = () => n.manager.resourceStatus(pod, container)[0]?.resources?.[0];
    assert.deepEqual(status(), { resourceID: "d1/k=x", health: "Unknown" });
    tell("HEALTHY");
    tell("HEALTHY");
    assert.deepEqual(n.sick.splice(0), ["a"]);
    assert.deepEqual(n.manager.resourceStatus(pod, container), [
      { name: "claim:my-x", resources: [{ resourceID: "d1/k=x", health: "Healthy" }] },
    ]);
    tell("UNHEALTHY", "too hot");
    assert.deepEqual(status(), { resourceID: "d1/k=x", health: "Unhealthy", message: "too hot" });
    n.clock.advance(31_000);
    assert.deepEqual(status(), { resourceID: "d1/k=x", health: "Unknown" });
    n.sick.splice(0);
    n.manager.healthTold("d1", undefined);
    assert.deepEqual(n.sick, ["a"]);
  });
});
