/** A DRA driver of its own on a node with real containers: what a pod sees of its devices, and who may do what. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { isForbidden, systemClock } from "#apimachinery";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { ResourceSlice } from "#api/resource/v1/types.gen";
import { newClient, type Client } from "#client";
import { clientConfigOf, newHttpTransport, parseKubeconfig, type HttpTransport } from "#client/node";
import { connect } from "#cri";
import { podResourcesApi } from "../../src/kubelet/podresources/pod-resources-tables.ts";
import { DevicePlugin } from "../deviceplugin/device-plugin.ts";
import { DraDriver, type DraDriverOptions } from "../dra/dra-driver.ts";
import { eventually, TestCluster } from "./harness.ts";
import { IMAGE, podSteps, sh, STATUS } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const DRIVER = "f.dra.io";
const API = "resource.k8s.io/v1";
const DEVICES = ["d1", "d2", "d3", "d4"].map((name) => ({
  name,
  attributes: { faces: { int: name === "d4" ? 20 : 6 } },
}));
const skip = process.geteuid?.() === 0 ? false : "needs root: real containers";
const signal = AbortSignal.timeout(600_000);

interface Claimed {
  readonly name: string;
  readonly claim?: string;
  readonly template?: string;
}

suite("dynamic resources", { skip }, () => {
  let cluster: TestCluster;
  let driver: DraDriver;
  const drivers: DraDriver[] = [];
  let options: DraDriverOptions;
  let transport: HttpTransport;
  let client: Client;
  let rootDir = "";
  let node = "";
  const { pod, ready, phase, field, inside } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare("e2edra");
    await cluster.k8ts("start");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    node = (await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();
    const dir = join(cluster.home, "profiles", cluster.profile, "nodes", node);
    rootDir = join(dir, "kubelet");
    const text = readFileSync(join(cluster.home, "kubeconfig"), "utf8");
    const admin = clientConfigOf(await parseKubeconfig(text, join(cluster.home, "kubeconfig")), {});
    const pem = (file: string): string => readFileSync(join(dir, "pki", file), "utf8");
    const clientCertificate = { cert: pem("kubelet-client.crt"), key: pem("kubelet-client.key") };
    transport = newHttpTransport({ server: admin.server, ca: admin.ca!, clientCertificate });
    client = newClient(transport, { userAgent: "dra-driver" });
    writeFileSync(join(cluster.home, "dice.txt"), "of the driver\n");
    options = { name: DRIVER, nodeName: node, rootDir, client, devices: DEVICES, dataDir: cluster.home };
    driver = await startDriver();
    await cluster.apply({
      apiVersion: API,
      kind: "DeviceClass",
      metadata: { name: "dice" },
      spec: {
        selectors: [{ cel: { expression: `device.driver == "${DRIVER}"` } }],
        extendedResourceName: "example.com/die",
      },
    });
    await eventually("the plugin is registered", async () => driver.isRegistered || undefined);
  });
  after(async () => {
    await cluster?.tryKubectl(["delete", "pods", "--all", "--now"]);
    for (const one of drivers) await one[Symbol.asyncDispose]();
    await transport?.close();
    await cluster?.destroy();
  });

  const startDriver = async (more: Partial<DraDriverOptions> = {}): Promise<DraDriver> => {
    const made = new DraDriver({ ...options, ...more });
    drivers.push(made);
    await made.start();
    return made;
  };
  const one = { name: "die", exactly: { deviceClassName: "dice" } };
  const claim = (
    name: string,
    devices: object = { requests: [one] },
    namespace = "default",
  ): Promise<string> =>
    cluster.apply({
      apiVersion: API,
      kind: "ResourceClaim",
      metadata: { name, namespace },
      spec: { devices },
    });
  const rolling = (name: string, claims: readonly Claimed[], spec: object = {}): Promise<void> =>
    pod(name, {
      terminationGracePeriodSeconds: 1,
      resourceClaims: claims.map((use) => ({
        name: use.name,
        ...(use.claim !== undefined && { resourceClaimName: use.claim }),
        ...(use.template !== undefined && { resourceClaimTemplateName: use.template }),
      })),
      containers: [
        {
          ...sh("c", "exec sleep 3600"),
          resources: { claims: claims.map((use) => ({ name: use.name })) },
        },
      ],
      ...spec,
    });
  const gone = async (...names: readonly string[]): Promise<void> => {
    await cluster.kubectl("delete", "pod", ...names, "--now", "--timeout=60s");
  };
  const slices = async (): Promise<readonly ResourceSlice[]> =>
    (await client.list(ResourceSlices, { fieldSelector: `spec.nodeName=${node}` }, signal)).items;
  const published = async (): Promise<number> => (await slices()).length;
  const sliceUid = async (): Promise<string | undefined> => (await slices())[0]?.metadata.uid;
  const eventOf = (name: string, reason: string, text: string): Promise<unknown> =>
    eventually(`${reason}: ${text}`, async () => {
      const told = await cluster.kubectl(
        "get",
        "events",
        "--field-selector",
        `involvedObject.name=${name},reason=${reason}`,
        "-o",
        "jsonpath={.items[*].message}",
      );
      return told.includes(text) ? true : undefined;
    });
  const ask = async (method: string, request: object): Promise<object> => {
    const connection = connect(join(rootDir, "pod-resources/kubelet.sock"), systemClock);
    try {
      const asking = { signal: AbortSignal.timeout(10_000) };
      return await connection.unary(podResourcesApi.method("PodResourcesLister", method), request, asking);
    } finally {
      connection.close();
    }
  };
  const killKubelet = async (): Promise<void> => {
    const file = join(cluster.home, "profiles", cluster.profile, "pids", `${node}.agent.child.pid`);
    const pid = readFileSync(file, "utf8");
    driver.isRegistered = false;
    process.kill(Number(pid), "SIGKILL");
    await eventually("the next kubelet", async () => readFileSync(file, "utf8") !== pid || undefined, 60_000);
  };

  test("a node publishes devices for itself, and sees no claims but those of its pods", async () => {
    await eventually("the slices", async () => (await published()) === 1 || undefined);
    const pool = { name: "other", generation: 1, resourceSliceCount: 1 };
    const slice = {
      apiVersion: API,
      kind: "ResourceSlice",
      metadata: { name: "other" },
      spec: { driver: DRIVER, nodeName: "other", pool, devices: DEVICES },
    } as const;
    await assert.rejects(client.create(ResourceSlices, slice, signal), (err: Error) => {
      assert.match(
        err.message,
        /can only create ResourceSlice with the same NodeName as the requesting node$/,
      );
      return isForbidden(err);
    });
    await assert.rejects(client.list(ResourceSlices, {}, signal), isForbidden);
    await claim("nobodys");
    const ref = { namespace: "default", name: "nobodys" };
    await assert.rejects(client.get(ResourceClaims, ref, signal), isForbidden);
    await cluster.kubectl("delete", "resourceclaim", "nobodys");
  });

  test("a pod sees the devices of a claim that is made for it, and monitors see who has them", async () => {
    await cluster.apply({
      apiVersion: API,
      kind: "ResourceClaimTemplate",
      metadata: { name: "two" },
      spec: {
        spec: {
          devices: {
            requests: [one, { name: "big", exactly: { deviceClassName: "dice", selectors: [big] } }],
          },
        },
      },
    });
    await rolling("made", [{ name: "dice", template: "two" }], {
      containers: [
        { ...sh("c", "exec sleep 3600"), resources: { claims: [{ name: "dice" }] } },
        { ...sh("big", "exec sleep 3600"), resources: { claims: [{ name: "dice", request: "big" }] } },
        sh("none", "exec sleep 3600"),
      ],
    });
    await ready("made");
    const name = await field("made", "{.status.resourceClaimStatuses[0].resourceClaimName}");
    const die = await inside("made", "c", "echo $DICE_DIE");
    assert.equal(
      await inside("made", "c", "echo $DICE_CLAIM $DICE_BIG; cat /dice/d4"),
      `${name} d4\nof the driver\n`,
    );
    assert.equal(await inside("made", "c", `head -c 3 /dev/${die.trim()} | od -An -tx1`), " 00 00 00\n");
    assert.equal(await inside("made", "big", "echo $DICE_BIG $DICE_DIE; ls /dice"), "d4\nd4\n");
    assert.equal(await inside("made", "none", "echo $DICE_CLAIM; ls -d /dice || true"), "\n");
    const { podResources } = (await ask("Get", { podName: "made", podNamespace: "default" })) as {
      podResources: { containers: readonly { name: string; dynamicResources: readonly Dynamic[] }[] };
    };
    const [c, , none] = podResources.containers;
    assert.deepEqual(none?.dynamicResources, []);
    const [dynamic] = c!.dynamicResources;
    assert.equal(dynamic?.claimName, name);
    assert.deepEqual(
      dynamic?.claimResources.map(({ driverName, poolName, deviceName }) => [
        driverName,
        poolName,
        deviceName,
      ]),
      [
        [DRIVER, node, die.trim()],
        [DRIVER, node, "d4"],
      ],
    );
    assert.match(dynamic?.claimResources[1]?.cdiDevices[0]?.name ?? "", /^f\.dra\.io\/claim=.*-d4$/);
    const list = (await ask("List", {})) as {
      podResources: readonly { containers: readonly { dynamicResources: readonly Dynamic[] }[] }[];
    };
    const listed = list.podResources.flatMap(({ containers }) => containers);
    assert.equal(listed.filter(({ dynamicResources }) => dynamicResources.length > 0).length, 2);
    const metrics = await cluster.kubectl("get", "--raw", `/api/v1/nodes/${node}/proxy/metrics`);
    assert.match(metrics, /^dra_resource_claims_in_use\{driver_name="<any>"\} 1$/m);
    assert.match(
      metrics,
      /^dra_operations_duration_seconds_count\{operation_name="PrepareResources",is_error="false"\} [1-9]/m,
    );
    assert.match(
      metrics,
      /^dra_grpc_operations_duration_seconds_count\{driver_name="f\.dra\.io",method_name="\/k8s\.io\.kubelet\.pkg\.apis\.dra\.v1\.DRAPlugin\/NodePrepareResources",grpc_status_code="OK"\} 1$/m,
    );
  });

  test("the health of its devices stands in the pod's status", async () => {
    const path = `{.status.containerStatuses[?(@.name=='big')].allocatedResourcesStatus[0]`;
    assert.equal(await field("made", `${path}.name}`), "claim:dice/big");
    const isTold = (wanted: string): Promise<unknown> =>
      eventually(wanted, async () => {
        const told = await field("made", `${path}.resources[0].health} ${path}.resources[0].message}`);
        return told.trim() === wanted || undefined;
      });
    await isTold("Healthy");
    driver.tellHealth("UNHEALTHY", "it lost a face");
    await isTold("Unhealthy it lost a face");
    await gone("made");
    await eventually("nothing is prepared", async () => driver.prepared.size === 0 || undefined);
  });

  test("pods share a claim, which is prepared once and kept until the last of them has ended", async () => {
    await claim("shared");
    await rolling("first", [{ name: "dice", claim: "shared" }]);
    await rolling("second", [{ name: "dice", claim: "shared" }]);
    await ready("first");
    await ready("second");
    assert.equal(driver.count("prepare", "shared"), 1);
    const told = await inside("first", "c", "echo $DICE_DIE");
    assert.equal(await inside("second", "c", "echo $DICE_DIE"), told);
    await gone("first");
    assert.equal(driver.count("unprepare", "shared"), 0);
    await gone("second");
    assert.equal(driver.count("unprepare", "shared"), 1);
    await cluster.kubectl("delete", "resourceclaim", "shared", "--timeout=30s");
  });

  test("a driver that fails is asked again, and the event says what it said", async () => {
    driver.faults.push("the cup is empty", new Error("the table is full"));
    await claim("stubborn");
    await rolling("patient", [{ name: "dice", claim: "stubborn" }]);
    await ready("patient");
    const why = "Failed to prepare dynamic resources: prepare dynamic resources: NodePrepareResources";
    await eventOf(
      "patient",
      "FailedPrepareDynamicResources",
      `${why} failed for ResourceClaim stubborn: the cup is empty`,
    );
    await eventOf(
      "patient",
      "FailedPrepareDynamicResources",
      `${why}: rpc error: code = Unavailable desc = the table is full`,
    );
    assert.equal(driver.count("prepare", "stubborn"), 3);
    await gone("patient");
    await cluster.kubectl("delete", "resourceclaim", "stubborn");
  });

  test("an administrator's claim takes devices that others have; the first of several choices is taken", async () => {
    await cluster.apply({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "admins", labels: { "resource.kubernetes.io/admin-access": "true" } },
    });
    const watcher = { deviceClassName: "dice", allocationMode: "All", adminAccess: true };
    await claim("all", { requests: [{ name: "all", exactly: watcher }] }, "admins");
    await cluster.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "watcher", namespace: "admins" },
      spec: {
        terminationGracePeriodSeconds: 1,
        resourceClaims: [{ name: "all", resourceClaimName: "all" }],
        containers: [{ ...sh("c", "exec sleep 3600"), resources: { claims: [{ name: "all" }] } }],
      },
    });
    const firstAvailable = [
      { name: "huge", deviceClassName: "dice", selectors: [{ cel: { expression: "false" } }] },
      { name: "big", deviceClassName: "dice", selectors: [big] },
    ];
    await claim("choice", { requests: [{ name: "any", firstAvailable }] });
    await rolling("chooser", [{ name: "dice", claim: "choice" }], {
      containers: [
        { ...sh("c", "exec sleep 3600"), resources: { claims: [{ name: "dice", request: "any" }] } },
      ],
    });
    await ready("chooser");
    assert.equal(await inside("chooser", "c", "echo $DICE_ANY_BIG"), "d4\n");
    await cluster.kubectl("wait", "-n", "admins", "--for=condition=Ready", "pod/watcher", "--timeout=45s");
    const seen = await cluster.kubectl(
      "exec",
      "-n",
      "admins",
      "watcher",
      "--",
      "sh",
      "-c",
      "ls /dice; env | grep DICE_ALL",
    );
    assert.match(seen, /^d1\nd2\nd3\nd4\nDICE_ALL=d\d by an admin\n$/);
    await cluster.kubectl("delete", "namespace", "admins", "--timeout=60s");
    await gone("chooser");
    await cluster.kubectl("delete", "resourceclaim", "choice");
  });

  test("a kubelet that was killed knows what is prepared: containers restart with it, and it is given back", async () => {
    await claim("kept");
    await claim("left");
    await rolling("keeper", [{ name: "dice", claim: "kept" }], {
      containers: [
        {
          ...sh("c", 'trap "exit 1" TERM; while :; do sleep 0.2; done'),
          resources: { claims: [{ name: "dice" }] },
        },
      ],
    });
    await rolling("leaver", [{ name: "dice", claim: "left" }]);
    await ready("keeper");
    await ready("leaver");
    const die = await inside("keeper", "c", "echo $DICE_DIE");
    const gate = Promise.withResolvers<void>();
    driver.faults.push(gate.promise);
    await claim("slow");
    await rolling("slow", [{ name: "dice", claim: "slow" }]);
    await eventually("the driver is asked", async () => driver.count("prepare", "slow") === 1 || undefined);
    const slice = await sliceUid();
    await killKubelet();
    gate.resolve();
    await eventually("the plugin is registered", async () => driver.isRegistered || undefined);
    assert.equal(await field("keeper", `${STATUS}.restartCount}`), "0");
    await cluster.kubectl("exec", "keeper", "--", "kill", "1");
    await eventually("the container is started again", async () =>
      (await field("keeper", `${STATUS}.restartCount}`)) === "1" ? true : undefined,
    );
    await rolling("joiner", [{ name: "dice", claim: "kept" }]);
    await ready("joiner");
    assert.equal(await inside("joiner", "c", "echo $DICE_DIE"), die);
    await ready("keeper");
    assert.equal(await inside("keeper", "c", "echo $DICE_DIE"), die);
    await ready("slow");
    assert.equal(driver.count("prepare", "slow"), 2);
    await eventually("other slices", async () => ![slice, undefined].includes(await sliceUid()) || undefined);
    await gone("leaver", "slow");
    assert.equal(driver.count("unprepare", "slow"), 1);
    assert.equal(driver.count("unprepare", "left"), 1);
    await gone("keeper", "joiner");
    assert.equal(driver.count("unprepare", "kept"), 1);
    await cluster.kubectl("delete", "resourceclaim", "kept", "left", "slow");
  });

  test("a driver that goes takes its devices with it after a while; what it holds waits for it", async () => {
    await claim("held");
    await claim("ended");
    await rolling("holder", [{ name: "dice", claim: "held" }]);
    await rolling("ender", [{ name: "dice", claim: "ended" }], {
      restartPolicy: "Never",
      containers: [
        { ...sh("c", "until test -e /end; do sleep 0.2; done"), resources: { claims: [{ name: "dice" }] } },
      ],
    });
    await ready("holder");
    await ready("ender");
    await driver.stop();
    await inside("ender", "c", "touch /end");
    await eventually("its container has ended", async () =>
      (await field("ender", `${STATUS}.state.terminated.reason}`)) === "Completed" ? true : undefined,
    );
    await cluster.kubectl("delete", "pod", "holder", "--wait=false");
    await claim("early");
    await rolling("early", [{ name: "dice", claim: "early" }]);
    await eventOf(
      "early",
      "FailedPrepareDynamicResources",
      `prepare dynamic resources: DRA driver ${DRIVER} is not registered`,
    );
    await eventually("the slices are gone", async () => (await published()) === 0 || undefined, 60_000);
    assert.equal(await field("holder", "{.metadata.name}"), "holder");
    assert.equal(driver.count("unprepare", "held"), 0);
    // Others may get its devices once it has ended: not before they are given back.
    assert.equal(await field("ender", "{.status.phase}"), "Running");
    driver = await startDriver({ service: "v1beta1.DRAPlugin" });
    await ready("early");
    await cluster.kubectl("wait", "--for=delete", "pod/holder", "--timeout=45s");
    assert.equal(driver.count("unprepare", "held"), 1);
    await phase("ender", "Succeeded");
    assert.equal(driver.count("unprepare", "ended"), 1);
    await gone("ender");
    await eventually("the slices", async () => (await published()) === 1 || undefined);
  });

  test("a driver is replaced by the next one without a gap", async () => {
    const next = await startDriver({ instance: "-2" });
    await eventually("the plugin is registered", async () => next.isRegistered || undefined);
    await driver.stop();
    await gone("early");
    assert.equal(next.count("unprepare", "early"), 1);
    driver = next;
    await cluster.kubectl("delete", "resourceclaim", "held", "early", "ended");
  });

  test("an extended resource of a pod comes by a claim that the scheduler makes", async () => {
    await pod("extended", {
      terminationGracePeriodSeconds: 1,
      containers: [{ ...sh("c", "exec sleep 3600"), resources: { limits: { "example.com/die": "1" } } }],
    });
    await ready("extended");
    const name = await field("extended", "{.status.extendedResourceClaimStatus.resourceClaimName}");
    assert.equal(await inside("extended", "c", "echo $DICE_CLAIM"), `${name}\n`);
    await gone("extended");
    assert.equal(driver.count("unprepare", name), 1);
  });

  test("a device plugin gives CDI devices, too", async () => {
    const kind = `plugin.${DRIVER}/coin`;
    const path = `/var/run/cdi/plugin.${DRIVER}.json`;
    const edits = { env: ["COIN=heads"] };
    const spec = { cdiVersion: "0.6.0", kind, devices: [{ name: "c1", containerEdits: edits }] };
    writeFileSync(path, JSON.stringify(spec));
    await using plugin = new DevicePlugin(
      { resource: "example.com/coin", rootDir, respond: () => ({ cdiDevices: [{ name: `${kind}=c1` }] }) },
      [{ id: "c1", health: "Healthy" }],
    );
    driver.prepared.add(path);
    await plugin.start();
    await eventually("the coin", async () => {
      const told = await cluster.kubectl(
        "get",
        "node",
        node,
        "-o",
        "jsonpath={.status.allocatable.example\\.com/coin}",
      );
      return told === "1" || undefined;
    });
    await pod("coin", {
      terminationGracePeriodSeconds: 1,
      containers: [{ ...sh("c", "exec sleep 3600"), resources: { limits: { "example.com/coin": "1" } } }],
    });
    await phase("coin", "Running");
    assert.equal(await inside("coin", "c", "echo $COIN"), "heads\n");
    await gone("coin");
  });
});

const big = { cel: { expression: `device.attributes["${DRIVER}"].faces == 20` } };

interface Dynamic {
  readonly claimName: string;
  readonly claimResources: readonly {
    readonly driverName: string;
    readonly poolName: string;
    readonly deviceName: string;
    readonly cdiDevices: readonly { readonly name: string }[];
  }[];
}
