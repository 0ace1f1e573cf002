import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import test from "node:test";
import { contextName, type Profile } from "../profile.ts";
import { bridgeOfPort, bridgeOwner, claimAddresses } from "./bridge.ts";
import { hasProcesses } from "./namespace-processes.ts";
import { chooseNetwork, namespaceOf, netnsDriver, nodeAddress, refuseForeignNodes, vethOf } from "./netns.ts";

const { signal } = new AbortController();
const isRoot = process.geteuid?.() === 0;

function newProfile(name: string, network: NonNullable<Profile["network"]>): Profile {
  const ip = nodeAddress(network, 0);
  return {
    name,
    driver: "netns",
    nodes: [{ name: contextName(name), ip, role: "control-plane", kubeletPort: 10_250 }],
    network,
    apiServer: { host: ip, port: 6443 },
    podCIDR: "10.244.0.0/16",
    serviceCIDR: "10.96.0.0/12",
    dnsIP: "10.96.0.10",
    dnsDomain: "cluster.local",
    kubeconfig: "",
  };
}

test(
  "netnsDriver keeps a stopped cluster's addresses from the uplink and from others until it is removed",
  {
    skip: !isRoot && "needs root",
  },
  async () => {
    const network = chooseNetwork("/home-a", "netns-test", []);
    const profile = newProfile("netns-test", network);
    const bridge = `/sys/class/net/${network.bridge}`;
    const namespace = `/run/netns/${namespaceOf(profile.nodes[0]!)}`;
    try {
      await netnsDriver.up(profile, signal);
      assert.ok(existsSync(bridge) && existsSync(namespace));

      await netnsDriver.down(profile, signal);
      assert.ok(existsSync(bridge), "the bridge outlives a stop");
      assert.ok(!existsSync(namespace));
      // of another K8TS_HOME, whose profiles this one does not know
      assert.notEqual(chooseNetwork("/home-b", "netns-other", []).gateway, network.gateway);
      const other = newProfile("netns-other", { ...network, bridge: "k8ts-other" });
      await assert.rejects(netnsDriver.up(other, signal), { id: "SUBNET_IN_USE" });
      assert.ok(!existsSync("/sys/class/net/k8ts-other"));
      const twin = newProfile("netns-other", { ...network, owner: bridgeOwner("/home-b", "netns-other") });
      await assert.rejects(netnsDriver.up(twin, signal), { id: "SUBNET_IN_USE" });
      await netnsDriver.remove(twin, signal);
      assert.ok(existsSync(bridge), "nobody removes another's bridge");

      await netnsDriver.up(profile, signal);
      assert.ok(existsSync(namespace));
    } finally {
      await netnsDriver.remove(profile, signal);
    }
    assert.ok(!existsSync(bridge) && !existsSync(namespace));
  },
);

test(
  "claimAddresses gives clusters that start at the same moment from different homes a range each",
  { skip: !isRoot && "needs root" },
  async () => {
    const homes = Array.from({ length: 6 }, (_, i) => `/home-${i}`);
    let chosen = 0;
    const claimed = await Promise.all(
      homes.map((home) =>
        claimAddresses(async () => {
          chosen++;
          return newProfile("netns-race", chooseNetwork(home, "netns-race", []));
        }, signal),
      ),
    );
    try {
      const bridges = claimed.map(({ network }) => network!.bridge);
      assert.equal(new Set(bridges).size, homes.length, bridges.join());
      assert.ok(chosen > homes.length, "some chose the same at first");
      const again = chooseNetwork(homes[0]!, "netns-race", []);
      assert.deepEqual(again, claimed[0]!.network, "a start that was killed finds its range again");
    } finally {
      await Promise.all(claimed.map((profile) => netnsDriver.remove(profile, signal)));
    }
    assert.ok(claimed.every(({ network }) => !existsSync(`/sys/class/net/${network!.bridge}`)));
  },
);

test(
  "refuseForeignNodes refuses a name that runs under another home, and not what such a cluster left behind",
  { skip: !isRoot && "needs root" },
  async () => {
    const profile = newProfile("netns-twin", chooseNetwork("/home-a", "netns-twin", []));
    try {
      await netnsDriver.up(profile, signal);
      refuseForeignNodes(profile);
      const command = netnsDriver.onNode(profile, profile.nodes[0]!, ["sleep", "60"]);
      const child = spawn(command[0], command.slice(1), { stdio: "ignore" });
      await once(child, "spawn");
      await waitUntil(() => hasProcesses(namespaceOf(profile.nodes[0]!)));
      assert.throws(() => refuseForeignNodes(profile), { id: "PROFILE_ELSEWHERE" });
      child.kill();
      await once(child, "exit");

      const next = newProfile("netns-twin", chooseNetwork("/home-b", "netns-twin", []));
      await netnsDriver.up(next, signal);
      assert.equal(bridgeOfPort(vethOf(next.nodes[0]!)), next.network!.bridge);
      await netnsDriver.remove(next, signal);
    } finally {
      await netnsDriver.remove(profile, signal);
    }
  },
);

/** `nsenter` changes its namespace a moment after it is there. */
async function waitUntil(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isSo(); tries++) await new Promise((resolve) => setImmediate(resolve));
}
