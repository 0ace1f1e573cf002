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
const TEAM = { namespace: "team" };
const toWeb = { podSelector: { matchLabels: { app: "web" } } };

/** Of a request; by default from the namespace `default` to the service `web`. */
interface Way {
  readonly namespace?: string;
  readonly to?: string;
}

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

  test("pods of a namespace are let in by its labels, as long as it has them, and by their own besides", async () => {
    const team = (...args: readonly string[]): Promise<string> =>
      cluster.kubectl(...args, "--namespace=team");
    await cluster.kubectl("create", "namespace", "team");
    await cluster.kubectl("label", "namespace", "team", "env=prod");
    for (const [name, node] of [
      ["guest", FIRST],
      ["visitor", SECOND],
    ] as const) {
      const overrides = JSON.stringify({ spec: { nodeName: node } });
      await team("run", name, `--image=${IMAGE}`, `--labels=role=${name}`, `--overrides=${overrides}`);
    }
    await team("wait", "--for=condition=Ready", "pod", "--all", "--timeout=90s");
    await reaches("guest", false, TEAM);
    const prod = { matchExpressions: [{ key: "env", operator: "In", values: ["prod"] }] };
    await policy("team", { ...toWeb, ingress: [{ from: [{ namespaceSelector: prod }] }] });
    for (const name of ["guest", "visitor"]) await reaches(name, true, TEAM);
    await cluster.kubectl("label", "--overwrite", "namespace", "team", "env=dev");
    for (const name of ["guest", "visitor"]) await reaches(name, false, TEAM);
    await cluster.kubectl("label", "--overwrite", "namespace", "team", "env=prod");
    for (const name of ["guest", "visitor"]) await reaches(name, true, TEAM);
    const podSelector = { matchLabels: { role: "visitor" } };
    await policy("team", { ...toWeb, ingress: [{ from: [{ namespaceSelector: prod, podSelector }] }] });
    await reaches("guest", false, TEAM);
    await reaches("visitor", true, TEAM);
    await cluster.kubectl("delete", "namespace", "team");
    await cluster.kubectl("delete", "networkpolicy", "team");
  });

  test("a named port is each pod's own, and a block excepts who is behind a service", async () => {
    await server("other", SECOND, {}, 8080);
    await ready("other");
    const podSelector = { matchExpressions: [{ key: "app", operator: "In", values: ["web", "other"] }] };
    await policy("by-name", { podSelector, ingress: [{ ports: [{ port: "http" }] }] });
    const [web, other] = await Promise.all([addressOf("web"), addressOf("other")]);
    const [toWebPod, toOther] = [`http://${web}:80`, `http://${other}:8080`];
    for (const from of ["near", "far"])
      for (const to of [toWebPod, toOther]) await reaches(from, true, { to });
    const [cidr, except] = ["0.0.0.0/0", [`${web}/32`]];
    const egress = [{ to: [{ ipBlock: { cidr, except } }] }];
    await policy("but-web", {
      podSelector: { matchLabels: { app: "near" } },
      policyTypes: ["Egress"],
      egress,
    });
    await reaches("near", false);
    await reaches("near", true, { to: toOther });
    await reaches("far", true);
    await cluster.kubectl("delete", "networkpolicies", "by-name", "but-web");
    await cluster.kubectl("delete", "pod", "other");
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

  async function server(name: string, nodeName: string, labels: object = {}, port = 80): Promise<void> {
    const readinessProbe = { httpGet: { path: "/", port: "http" }, periodSeconds: 1 };
    const ports = [{ name: "http", containerPort: port }];
    const env = [{ name: "PORT", value: String(port) }];
    const containers = [{ name: "web", image: IMAGE, env, ports, readinessProbe }];
    const spec = { nodeName, terminationGracePeriodSeconds: 0, containers };
    await pod(name, spec, { labels: { app: name, ...labels } });
  }

  function addressOf(name: string): Promise<string> {
    return field(name, "{.status.podIP}");
  }

  async function policy(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace: "default" };
    await cluster.apply({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec });
  }

  /** A policy takes effect a moment after it was stored. */
  async function reaches(from: string, wanted: boolean, way: Way = {}): Promise<void> {
    const { namespace = "default", to = "http://web.default" } = way;
    const fetch = ["exec", "-n", namespace, from, "--", "timeout", "2", "wget", "-qO-", to];
    await eventually(`${from} ${wanted ? "reaches" : "stops reaching"} ${to}`, async () => {
      const { code } = await cluster.tryKubectl(fetch);
      return (code === 0) === wanted ? true : undefined;
    });
  }
});
