import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import { contextName, type Profile } from "../profile.ts";
import { chooseNetwork, namespaceOf, netnsDriver, nodeAddress } from "./netns.ts";

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
    const network = chooseNetwork("netns-test", []);
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
      assert.notEqual(chooseNetwork("netns-other", []).gateway, network.gateway);
      const other = newProfile("netns-other", { ...network, bridge: "k8ts-other" });
      await assert.rejects(netnsDriver.up(other, signal), { id: "SUBNET_IN_USE" });
      assert.ok(!existsSync("/sys/class/net/k8ts-other"));

      await netnsDriver.up(profile, signal);
      assert.ok(existsSync(namespace));
    } finally {
      await netnsDriver.remove(profile, signal);
    }
    assert.ok(!existsSync(bridge) && !existsSync(namespace));
  },
);
