/** NetworkPolicies on two real nodes: who may call whom, by service and by name, while kubelets go on probing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";
import { IMAGE, STATUS, podSteps, sh } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const PROFILE = "e2epolicy";
const FIRST = `k8ts-${PROFILE}`;
const SECOND = `${FIRST}-m02`;
const isRoot = process.geteuid?.() === 0;
const toWeb = { podSelector: { matchLabels: { app: "web" } } };

suite("network policies", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  const { pod, ready, phase, field } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts("start", "--nodes=2", "--wait=all");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    await server("web", FIRST);
    await server("near", FIRST);
    await server("far", SECOND, { role: "friend" });
    await Promise.all(["web", "near", "far"].map(ready));
    await cluster.kubectl("expose", "pod", "web", "--port=80");
    await reaches("near", true);
    await reaches("far", true);
  });
  after(() => cluster?.destroy());

  test("deny all ingress stops pods of both nodes, and no probe", async () => {
    await policy("deny", { podSelector: {}, policyTypes: ["Ingress"] });
    await reaches("near", false);
    await reaches("far", false);
    await server("late", FIRST);
    await ready("late");
  });

  test("a pod that is selected by its labels is let in to a named port, as soon as it has them", async () => {
    const from = [{ podSelector: { matchLabels: { role: "friend" } } }];
    await policy("friends", { ...toWeb, ingress: [{ from, ports: [{ port: "http" }] }] });
    await reaches("far", true);
    await reaches("near", false);
    await cluster.kubectl("label", "pod", "near", "role=friend");
    await reaches("near", true);
  });

  test("a pod that may only ask cluster DNS gets answers, and nothing else", async () => {
    const kubeSystem = { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } };
    const to = [{ namespaceSelector: kubeSystem, podSelector: { matchLabels: { "k8s-app": "kube-dns" } } }];
    const ports = [
      { port: 53, protocol: "UDP" },
      { port: 53, protocol: "TCP" },
    ];
    const podSelector = { matchLabels: { app: "near" } };
    await policy("dns-only", { podSelector, policyTypes: ["Egress"], egress: [{ to, ports }] });
    await reaches("near", false);
    // often enough that both nodes' servers are asked
    for (let i = 0; i < 4; i++)
      assert.match(
        await cluster.kubectl("exec", "near", "--", "nslookup", "web.default.svc.cluster.local"),
        /Name:/,
      );
  });

  test("a pod is isolated before it starts", async () => {
    const podSelector = { matchLabels: { app: "early" } };
    await cluster.kubectl("delete", "networkpolicies", "deny", "friends");
    await policy("no-egress", { podSelector, policyTypes: ["Egress"] });
    const web = await cluster.kubectl("get", "pod", "web", "-o", "jsonpath={.status.podIP}");
    for (const nodeName of [FIRST, SECOND]) {
      const name = `early-${nodeName}`;
      const containers = [sh("main", `timeout 2 wget -qO- http://${web} >/dev/null && exit 0; exit 7`)];
      await pod(name, { nodeName, restartPolicy: "Never", containers }, { labels: { app: "early" } });
      await phase(name, "Failed");
      assert.equal(await field(name, `${STATUS}.state.terminated.exitCode}`), "7");
    }
  });

  test("policies that are deleted stop nobody", async () => {
    await cluster.kubectl("delete", "networkpolicies", "--all");
    await reaches("near", true);
    await cluster.kubectl("label", "pod", "far", "role-");
    await reaches("far", true);
  });

  async function server(name: string, nodeName: string, labels: object = {}): Promise<void> {
    const readinessProbe = { httpGet: { path: "/", port: "http" }, periodSeconds: 1 };
    const ports = [{ name: "http", containerPort: 80 }];
    const containers = [{ name: "web", image: IMAGE, ports, readinessProbe }];
    const spec = { nodeName, terminationGracePeriodSeconds: 0, containers };
    await pod(name, spec, { labels: { app: name, ...labels } });
  }

  async function policy(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace: "default" };
    await cluster.apply({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec });
  }

  /** A policy takes effect a moment after it was stored. */
  async function reaches(from: string, wanted: boolean): Promise<void> {
    const fetch = ["exec", from, "--", "timeout", "2", "wget", "-qO-", "http://web"];
    await eventually(`${from} ${wanted ? "reaches" : "stops reaching"} web`, async () => {
      const { code } = await cluster.tryKubectl(fetch);
      return (code === 0) === wanted ? true : undefined;
    });
  }
});
