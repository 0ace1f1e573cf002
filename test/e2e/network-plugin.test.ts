/** A pod network that is not ours: Debian's plugins by a configuration of the test's, on three nodes, one of which is brought up by hand. */
import assert from "node:assert/strict";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually, run } from "./harness.ts";
import { JoiningNode } from "./joining-node.ts";
import { list } from "./leaks.ts";
import { IMAGE, podSteps, sh } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const PROFILE = "e2eplugin";
const FIRST = `k8ts-${PROFILE}`;
const SECOND = `${FIRST}-m02`;
const HOST_PORT = 8081;
const TTL = 77;
const isRoot = process.geteuid?.() === 0;
/** What kubelet says of a node whose runtime has found no configuration. */
const NOT_READY =
  "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

suite(
  "a network plugin of the user's choice",
  { skip: isRoot ? false : "needs root: real containers" },
  () => {
    let cluster: TestCluster;
    let third: JoiningNode | undefined;
    const { pod, ready, field } = podSteps(() => cluster);

    before(async () => {
      cluster = await TestCluster.prepare(PROFILE);
      const file = join(cluster.home, "net.conflist");
      await writeFile(file, JSON.stringify(configuration({ ranges: [[{ subnet: "{{.PodCIDR}}" }]] })));
      await cluster.k8ts("start", "--nodes=2", `--cni=${file}`, "--wait=all");
      await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
      await leadToOthers();
      await server("one", FIRST);
      await server("two", SECOND, HOST_PORT);
      await Promise.all(["one", "two"].map(ready));
    });
    after(async () => {
      await third?.down();
      await cluster?.destroy();
    });

    test("pods have what its plugins give them, and nothing of ours is there", async () => {
      for (const [name, node] of [
        ["one", FIRST],
        ["two", SECOND],
      ] as const) {
        assert.ok(isIn(await ipOf(name), await rangeOf(node)), name);
        const [ttl, link] = ["cat /proc/sys/net/ipv4/ip_default_ttl", "cat /sys/class/net/eth0/mtu"];
        assert.equal(
          await cluster.kubectl("exec", name, "--", "sh", "-c", `${ttl}; ${link}`),
          `${TTL}\n1400\n`,
        );
        assert.deepEqual(list(join(nodeDir(node), "net.d")), ["10-containerd-net.conflist"]);
        const links = await onNode(node, "ip", "-o", "link");
        assert.doesNotMatch(links, /cni0|k8ts\.vxlan/);
        assert.match(links, /qdisc tbf/);
        const tables = await onNode(node, "nft", "list", "tables");
        assert.doesNotMatch(tables, /k8ts-(?:network|policy|hostport)/);
        assert.doesNotMatch(await onNode(node, "ip", "route", "show", "proto", "88"), /via/);
      }
    });

    test("a cluster keeps the network that it was made with", async () => {
      const { code, stderr } = await cluster.tryK8ts(["start", "--cni=k8ts"]);
      assert.equal(code, 64);
      assert.match(stderr, /exists with --cni=sha256:[0-9a-f]{12}, k8ts was asked for \[PROFILE_DIFFERS\]/);
    });

    test("pods call each other over nodes with their own addresses, and a service by its name", async () => {
      assert.match(await fetchFrom("one", `http://${await ipOf("two")}`), /two/);
      assert.match(await fetchFrom("two", `http://${await ipOf("one")}`), /one/);
      assert.match(await cluster.kubectl("logs", "two"), new RegExp(`^\\[?[^\\n]*${await ipOf("one")}`, "m"));
      await cluster.kubectl("label", "pod", "one", "two", "app=web");
      await cluster.kubectl("create", "service", "clusterip", "web", "--tcp=80:80");
      for (const from of ["one", "two"])
        for (const to of ["one", "two"])
          await eventually(`an answer of ${to} to ${from}`, async () =>
            (await fetchFrom(from, "http://web")).includes(to) ? true : undefined,
          );
    });

    test("a host port is the plugin's, as long as the pod is there", async () => {
      const at = `http://${await nodeIP(SECOND)}:${HOST_PORT}`;
      assert.match(await (await fetch(at)).text(), /two/);
      assert.match(await fetchFrom("one", at), /two/);
      await cluster.kubectl("delete", "pod", "two", "--now");
      await assert.rejects(fetch(at));
      assert.deepEqual(addresses(SECOND), []);
      await server("two", SECOND, HOST_PORT);
      await ready("two");
      assert.match(await (await fetch(at)).text(), /two/);
    });

    test("a node that was stopped gives its pods a network again, and back what they had", async () => {
      await cluster.k8ts("node", "stop", SECOND);
      await cluster.k8ts("node", "start", SECOND);
      await leadToOthers();
      await eventually("the pod is back", async () =>
        (await fetchFrom("one", `http://${await ipOf("two")}`)).includes("two") ? true : undefined,
      );
      assert.deepEqual(addresses(SECOND), [await ipOf("two")]);
    });

    test("a pod whose network cannot be taken down is told so, and goes when it can", async () => {
      const data = join(nodeDir(SECOND), "data");
      renameSync(data, `${data}.away`);
      writeFileSync(data, "");
      try {
        await cluster.kubectl("delete", "pod", "two", "--now", "--wait=false");
        const selector = "involvedObject.name=two,reason=FailedKillPod";
        await eventually("the event", async () => {
          const text = await cluster.kubectl("get", "events", "--field-selector", selector);
          return /KillPodSandboxError: ".*failed to destroy network for sandbox/.test(text)
            ? true
            : undefined;
        });
        assert.notEqual(await field("two", "{.metadata.deletionTimestamp}"), "");
      } finally {
        rmSync(data);
        renameSync(`${data}.away`, data);
      }
      await cluster.kubectl("wait", "--for=delete", "pod/two", "--timeout=60s");
      assert.deepEqual(addresses(SECOND), []);
    });

    test("a machine that joins is not Ready until it has a configuration", async () => {
      third = await JoiningNode.up(cluster, 0);
      const command = await cluster.k8ts("token", "create", "--print-join-command");
      third.startAgent(...command.trim().split(" ").slice(2), "--network-plugin=cni");
      const { name, cniConfDir } = third;
      await eventually("the node", async () => {
        const text = await cluster.kubectl("describe", "node", name);
        return new RegExp(`Ready +False .* KubeletNotReady +${NOT_READY}\\n`).test(text) ? true : undefined;
      }).catch((cause: unknown) => {
        throw new Error(third?.log, { cause });
      });
      await third.takeImage(FIRST, `docker.io/${IMAGE}`);
      await server("three", name);
      await pod("bare", { nodeName: name, hostNetwork: true, containers: [sh("c", "sleep 600")] });
      await cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/bare", "--timeout=60s");
      const [message] = await eventually("the event", async () => {
        const selector = "involvedObject.name=three,reason=NetworkNotReady";
        const messages = "jsonpath={range .items[*]}{.message}{'\\n'}{end}";
        const text = await cluster.kubectl("get", "events", "--field-selector", selector, "-o", messages);
        return text === "" ? undefined : text.split("\n");
      });
      assert.equal(message, `network is not ready: ${NOT_READY}`);
      assert.equal(await field("three", "{.status.podIP}"), "");

      const subnet = await rangeOf(name);
      const text = JSON.stringify(configuration({ dataDir: join(cniConfDir, "../data"), subnet }));
      await writeFile(join(cniConfDir, "mine.new"), text);
      await rename(join(cniConfDir, "mine.new"), join(cniConfDir, "20-mine.conflist"));
      await cluster.kubectl("wait", "--for=condition=Ready", `node/${name}`, "--timeout=60s");
      await ready("three");
      await leadToOthers();
      assert.ok(isIn(await ipOf("three"), subnet));
      assert.match(await fetchFrom("one", `http://${await ipOf("three")}`), /three/);
      await cluster.kubectl("delete", "pod", "three", "bare", "--now");
      assert.deepEqual(readdirSync(join(cniConfDir, "../data/mine")).filter(isAddress), []);
      assert.deepEqual(list(cniConfDir), ["20-mine.conflist"]);
    });

    async function server(name: string, nodeName: string, hostPort?: number): Promise<void> {
      const ports = [{ containerPort: 80, ...(hostPort !== undefined && { hostPort }) }];
      const readinessProbe = { httpGet: { path: "/", port: 80 }, periodSeconds: 1 };
      const containers = [{ name: "web", image: IMAGE, ports, readinessProbe }];
      await pod(name, { nodeName, containers }, { labels: { app: "web" } });
    }

    /** What the daemon of a network does on each node: routes to the pods of the others. */
    async function leadToOthers(): Promise<void> {
      const path =
        '{range .items[*]}{.metadata.name} {.spec.podCIDR} {.status.addresses[0].address}{"\\n"}{end}';
      const text = await cluster.kubectl("get", "nodes", "-o", `jsonpath=${path}`);
      const nodes = text.split("\n").filter((line) => line !== "");
      for (const here of nodes.map((line) => line.split(" ")[0]!))
        for (const [name, range, ip] of nodes.map((line) => line.split(" ")))
          if (name !== here) await onNode(here, "ip", "route", "replace", range!, "via", ip!);
    }

    async function fetchFrom(name: string, url: string): Promise<string> {
      const { stdout } = await cluster.tryKubectl(["exec", name, "--", "timeout", "5", "wget", "-qO-", url]);
      return stdout;
    }

    const nodeDir = (node: string): string => join(cluster.home, `profiles/${PROFILE}/nodes/${node}/cni`);
    const addresses = (node: string): readonly string[] =>
      list(join(nodeDir(node), "data/mine")).filter(isAddress);
    const ipOf = (name: string): Promise<string> => field(name, "{.status.podIP}");
    const rangeOf = (node: string): Promise<string> =>
      cluster.kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDR}");
    const nodeIP = (node: string): Promise<string> =>
      cluster.kubectl("get", "node", node, "-o", "jsonpath={.status.addresses[0].address}");
  },
);

async function onNode(node: string, ...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(
    ["nsenter", `--net=/run/netns/${node}.node`, "--", ...command],
    process.env,
  );
  assert.equal(code, 0, `${command.join(" ")}: ${stderr}`);
  return stdout;
}

/** Point-to-point links instead of a bridge, and a chain of plugins behind. */
function configuration(ipam: object): object {
  return {
    cniVersion: "0.4.0",
    name: "mine",
    plugins: [
      { type: "ptp", mtu: 1400, ipam: { type: "host-local", ...ipam, routes: [{ dst: "0.0.0.0/0" }] } },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "tuning", sysctl: { "net.ipv4.ip_default_ttl": String(TTL) } },
      { type: "bandwidth", ingressRate: 1_000_000_000, ingressBurst: 10_000_000 },
      { type: "firewall" },
    ],
  };
}

function isAddress(name: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

/** Nodes have a /24. */
function isIn(ip: string, range: string): boolean {
  assert.match(range, /\.0\/24$/);
  return ip.startsWith(range.replace(/0\/24$/, ""));
}
