import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { newProfile, withFreePorts, type NewProfileOptions } from "./new-profile.ts";
import { chooseNetwork, nodeAddress } from "./drivers/netns.ts";
import { writeProfile } from "./profile.ts";
import { newTestEnv, testProfile } from "./test-env.ts";

const OPTIONS: NewProfileOptions = {
  profile: "test",
  driver: "simulated",
  nodes: 1,
  apiServerPort: 6443,
  podCIDR: "10.244.0.0/16",
  serviceCIDR: "10.96.0.0/12",
  dnsDomain: "cluster.local",
  insecureRegistries: [],
  extraConfig: [],
  isExplicit: () => false,
};

test("newProfile gives every simulated node a kubelet port of its own", async () => {
  await using given = await newTestEnv();
  const { nodes, apiServer, dnsIP } = await newProfile(given.env, { ...OPTIONS, nodes: 3 });
  assert.deepEqual(
    nodes.map(({ name, role }) => [name, role]),
    [
      ["k8ts-test", "control-plane"],
      ["k8ts-test-m02", "worker"],
      ["k8ts-test-m03", "worker"],
    ],
  );
  assert.equal(new Set([apiServer.port, ...nodes.map(({ kubeletPort }) => kubeletPort)]).size, 4);
  assert.equal(dnsIP, "10.96.0.10");
});

test("newProfile keeps off the ports of another simulated cluster, also while that one is stopped", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  const first = await newProfile(env, { ...OPTIONS, profile: "first", nodes: 2 });
  await writeProfile(env, first);
  const second = await newProfile(env, { ...OPTIONS, profile: "second", nodes: 2 });
  const ports = [first, second].flatMap(({ apiServer, nodes }) => [
    apiServer.port,
    ...nodes.map(({ kubeletPort }) => kubeletPort),
  ]);
  assert.equal(new Set(ports).size, 6);
});

test("newProfile keeps a port that was asked for even if it is taken: the check before the start names it", async (t) => {
  await using given = await newTestEnv();
  const holder = createServer();
  t.after(() => holder.close());
  await new Promise<void>((resolve) => holder.listen({ host: "127.0.0.1", port: 0 }, resolve));
  const { port } = holder.address() as { port: number };
  const asked = { ...OPTIONS, apiServerPort: port };
  const explicit = await newProfile(given.env, { ...asked, isExplicit: (flag) => flag === "apiserver-port" });
  assert.equal(explicit.apiServer.port, port);
  assert.notEqual((await newProfile(given.env, asked)).apiServer.port, port);
});

test("withFreePorts moves a stopped node off a port that somebody took meanwhile, and leaves the others", async (t) => {
  await using given = await newTestEnv();
  const profile = await newProfile(given.env, { ...OPTIONS, nodes: 3 });
  const [first, second, third] = profile.nodes.map(({ kubeletPort }) => kubeletPort);
  const holder = createServer();
  t.after(() => holder.close());
  await new Promise<void>((resolve) => holder.listen({ host: "127.0.0.1", port: second! }, resolve));
  const ports = async (isRunning: boolean): Promise<readonly number[]> =>
    (await withFreePorts(profile, () => Promise.resolve(isRunning))).nodes.map(
      ({ kubeletPort }) => kubeletPort,
    );
  assert.deepEqual(await ports(true), [first, second, third]);
  const moved = await ports(false);
  assert.deepEqual([moved[0], moved[2]], [first, third]);
  assert.ok(![first, second, third].includes(moved[1]), moved.join());
});

test("newProfile refuses numbers of nodes that the driver cannot make", async () => {
  await using given = await newTestEnv();
  for (const [driver, nodes] of [
    ["simulated", 0],
    ["netns", 201],
    ["host", 2],
    ["netns", 1.5],
  ] as const)
    await assert.rejects(newProfile(given.env, { ...OPTIONS, driver, nodes }), {
      id: "NODES_INVALID",
      exitCode: 64,
    });
});

test("chooseNetwork takes subnets in minikube's order and none that another cluster has", async () => {
  await using given = await newTestEnv();
  const used = [];
  for (let i = 0; i < 3; i++) {
    const network = chooseNetwork(given.env.home, `c${i}`, used);
    used.push(testProfile(given.env, { name: `c${i}`, network }));
    assert.match(network.gateway, /^192\.168\.\d+\.1$/);
    assert.ok(network.bridge.length <= 15);
  }
  const gateways = used.map(({ network }) => network!.gateway);
  assert.equal(new Set(gateways).size, 3);
  const thirds = gateways.map((gateway) => Number(gateway.split(".")[2]));
  assert.ok(
    thirds.every((third) => (third - 49) % 9 === 0),
    gateways.join(),
  );
  assert.deepEqual(
    thirds,
    thirds.toSorted((a, b) => a - b),
  );
  assert.equal(nodeAddress(used[0]!.network!, 0), gateways[0]!.replace(/1$/, "2"));
});

test("chooseNetwork says so when every subnet is taken", async () => {
  await using given = await newTestEnv();
  const all = Array.from({ length: 20 }, (_, i) =>
    testProfile(given.env, {
      network: { bridge: `b${i}`, gateway: `192.168.${49 + 9 * i}.1`, prefixLength: 24 },
    }),
  );
  assert.throws(() => chooseNetwork(given.env.home, "late", all), { id: "SUBNET_EXHAUSTED" });
});
