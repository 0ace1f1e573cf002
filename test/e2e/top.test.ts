/** What pods and nodes use: `kubectl top` and autoscaling work in a new cluster, with nothing installed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";
import { IMAGE, sh } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
/** Two measurements, 15 s apart, and the next round of the autoscaler. */
const MEASURED_MS = 120_000;
const SCALED_MS = 240_000;
const TOP_PODS = ["top", "pods", "--no-headers"];
const isRoot = process.geteuid?.() === 0;

suite("kubectl top", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.prepare("e2etop");
    await cluster.k8ts("start");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    const labels = { app: "busy" };
    const containers = [
      {
        ...sh("loop", "while :; do :; done"),
        resources: { requests: { cpu: "50m" }, limits: { cpu: "150m" } },
      },
      { ...sh("idle", "sleep 3600"), resources: { requests: { cpu: "1m" } } },
    ];
    await cluster.apply({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "busy", namespace: "default" },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers } },
      },
    });
    await cluster.kubectl("autoscale", "deployment", "busy", "--cpu=50%", "--min=1", "--max=2");
  });
  after(() => cluster?.destroy());

  test("the API is there from the start, served by the API server itself", async () => {
    const service = await cluster.kubectl("get", "apiservice", "v1beta1.metrics.k8s.io");
    assert.match(service, /v1beta1\.metrics\.k8s\.io\s+Local\s+True/);
    const resources = await cluster.kubectl("api-resources", "--api-group=metrics.k8s.io", "--no-headers");
    assert.match(resources, /^nodes\s+metrics\.k8s\.io\/v1beta1\s+false\s+NodeMetrics$/m);
    assert.match(resources, /^pods\s+metrics\.k8s\.io\/v1beta1\s+true\s+PodMetrics$/m);
  });

  test("top nodes shows the node, with its share of what it has", async () => {
    const line = await eventually("a measured node", () => top("nodes"), MEASURED_MS);
    assert.match(line, /^k8ts-e2etop\s+[1-9]\d*m\s+\d+%\s+[1-9]\d*Mi\s+\d+%$/m);
  });

  test("top pods tells the busy container from the idle one, and knows selectors", async () => {
    const lines = await eventually(
      "measured containers",
      () => top("pods", "--containers", "-l", "app=busy"),
      MEASURED_MS,
    );
    const cpuOf = (name: string): number => Number(new RegExp(`\\s${name}\\s+(\\d+)m`).exec(lines)?.[1]);
    assert.ok(cpuOf("loop") >= 20, lines);
    assert.ok(cpuOf("idle") <= 5, lines);
    assert.match((await cluster.kubectl("top", "pods", "-A")).trim(), /^kube-system\s+coredns/m);
    assert.equal(await top("pods", "-l", "app=other"), undefined);
  });

  test("an autoscaler follows the CPU of a busy loop", async () => {
    await eventually(
      "the second replica",
      async () => {
        const replicas = await cluster.kubectl(
          "get",
          "deployment",
          "busy",
          "-o",
          "jsonpath={.spec.replicas}",
        );
        return replicas === "2" ? true : undefined;
      },
      SCALED_MS,
    );
  });

  test("who may view may see what pods use, others may not", async () => {
    await cluster.kubectl("create", "rolebinding", "bob", "--clusterrole=view", "--user=bob");
    await eventually("bob's view", async () => (await cluster.kubectl("--as=bob", ...TOP_PODS)) || undefined);
    const refused = await cluster.tryKubectl(["--as=eve", ...TOP_PODS]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /pods\.metrics\.k8s\.io is forbidden: User "eve" cannot list/);
  });

  test("an APIService that names a service takes the API over, and gives it back", async () => {
    const service = { namespace: "kube-system", name: "metrics-server" };
    await patch({ service, insecureSkipTLSVerify: true });
    await eventually("no answer", async () => {
      const { stderr } = await cluster.tryKubectl(["get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"]);
      return stderr.includes("currently unable to handle the request") ? true : undefined;
    });
    await patch({ service: null, insecureSkipTLSVerify: null });
    await eventually("our own answer", () => top("nodes"));
  });

  async function patch(spec: object): Promise<void> {
    const body = JSON.stringify({ spec });
    await cluster.kubectl("patch", "apiservice", "v1beta1.metrics.k8s.io", "--type=merge", "-p", body);
  }

  /** Undefined while there is nothing to show. */
  async function top(...args: readonly string[]): Promise<string | undefined> {
    const { code, stdout } = await cluster.tryKubectl(["top", ...args, "--no-headers"]);
    return code === 0 && stdout.trim() !== "" ? stdout.trim() : undefined;
  }
});
