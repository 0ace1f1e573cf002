/** The way of a newcomer, as README tells it: one command, then everyday work with the real kubectl. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";

const isRoot = process.geteuid?.() === 0;
const WEB = join(import.meta.dirname, "../../examples/web");

for (const nodes of [1, 3]) {
  suite(`first cluster, ${nodes} node(s)`, { skip: isRoot ? false : "needs root: real containers" }, () =>
    newcomer(nodes),
  );
}

function newcomer(nodeCount: number): void {
  let cluster: TestCluster;
  let url = "";

  before(async () => {
    cluster = await TestCluster.prepare(`e2e${nodeCount}`);
    await cluster.k8ts("start", `--nodes=${nodeCount}`, "--wait=all");
  });
  after(async () => {
    if (process.exitCode === undefined) await cluster.destroy();
    else await cluster.destroy().catch((err: unknown) => console.error(err));
  });

  test("nodes are Ready with real capacity, addresses and versions", async () => {
    const { items } = JSON.parse(await cluster.kubectl("get", "nodes", "-o", "json")) as NodeList;
    assert.equal(items.length, nodeCount);
    for (const { status } of items) {
      assert.equal(status.conditions.find(({ type }) => type === "Ready")?.status, "True");
      assert.ok(Number(status.capacity["cpu"]) >= 1);
      assert.match(status.nodeInfo.containerRuntimeVersion, /^containerd:\/\//);
      assert.match(status.nodeInfo.kubeletVersion, /^v1\.36\./);
      assert.ok(
        status.addresses.some(({ type, address }) => type === "InternalIP" && address.startsWith("192.168.")),
      );
    }
    assert.match(await cluster.kubectl("get", "nodes"), /Ready\s+control-plane/);
  });

  test("kube-system shows what runs the cluster", async () => {
    const text = await cluster.kubectl("get", "pods", "-n", "kube-system");
    for (const name of [
      "kube-apiserver",
      "kube-controller-manager",
      "kube-scheduler",
      "kube-proxy",
      "coredns",
    ]) {
      assert.match(text, new RegExp(`${name}-\\S+\\s+1/1\\s+Running`));
    }
  });

  test("image build makes images without Docker and without a registry", async () => {
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    await cluster.k8ts("image", "build", "-t", "demo/web:2", "--build-arg", "VERSION=2", WEB);
    const list = await cluster.k8ts("image", "ls");
    assert.match(list, /demo\/web:1/);
    assert.match(list, /demo\/web:2/);
  });

  test("a deployment with three replicas becomes available", async () => {
    await cluster.kubectl("create", "deployment", "web", "--image=demo/web:1", "--replicas=3");
    await cluster.kubectl("expose", "deployment", "web", "--port=80", "--type=NodePort");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    const text = await cluster.kubectl(
      "get",
      "pods",
      "-l",
      "app=web",
      "-o",
      "jsonpath={.items[*].spec.nodeName}",
    );
    assert.equal(new Set(text.split(" ")).size, Math.min(3, nodeCount));
  });

  test("service --url answers from this machine, balanced over the pods", async () => {
    url = (await cluster.k8ts("service", "web", "--url")).trim();
    assert.match(url, /^http:\/\/192\.168\.\d+\.\d+:3\d{4}$/);
    const answers = new Set<string>();
    await eventually("an answer of each", async () => {
      const text = await get(url);
      assert.match(podIn(text), /^web-/);
      return answers.add(podIn(text)).size === 3 ? true : undefined;
    });
  });

  test("logs, exec and port-forward work", async () => {
    assert.match(
      await cluster.kubectl("exec", "deploy/web", "--", "sh", "-c", "echo hello from $HOSTNAME"),
      /^hello from web-/,
    );
    const input = await cluster.tryKubectl(["exec", "-i", "deploy/web", "--", "cat"], {
      input: "through stdin",
    });
    assert.equal(input.stdout, "through stdin");
    const failing = await cluster.tryKubectl(["exec", "deploy/web", "--", "sh", "-c", "exit 7"]);
    assert.equal(failing.code, 7);
    await cluster.kubectl("logs", "deploy/web");
    const follow = cluster.background("logs", "-f", "deploy/web", "--tail=5");
    follow.kill();
    const forward = cluster.background("port-forward", "svc/web", ":80");
    try {
      const [line] = (await once(forward.stdout!, "data")) as [Buffer];
      const port = /127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1];
      assert.match(podIn(await get(`http://127.0.0.1:${port}`)), /^web-/);
    } finally {
      forward.kill();
    }
  });

  test("run -it --rm asks cluster DNS and gets the service address", async () => {
    const address = await cluster.kubectl("get", "svc", "web", "-o", "jsonpath={.spec.clusterIP}");
    const args = ["run", "-i", "--rm", "t", "--image=demo/web:1", "--restart=Never", "--"];
    // kubectl shows what comes after it has attached: before it has, the command hears nothing from it
    const ask = "read -r go; nslookup web.default.svc.cluster.local";
    const { stdout, stderr } = await cluster.tryKubectl([...args, "sh", "-c", ask], { input: "go\n" });
    assert.ok(stdout.includes(address), `${stdout}${stderr}`);
  });

  test("pods reach the service by name, and each other across nodes", async () => {
    const text = await cluster.kubectl(
      "exec",
      "deploy/web",
      "--",
      "wget",
      "-qO-",
      "http://web.default.svc.cluster.local",
    );
    assert.match(podIn(text), /^web-/);
    const ips = (
      await cluster.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].status.podIP}")
    ).split(" ");
    assert.equal(new Set(ips).size, 3);
    for (const ip of ips) {
      const answer = await cluster.kubectl("exec", "deploy/web", "--", "wget", "-qO-", `http://${ip}`);
      assert.match(podIn(answer), /^web-/);
    }
  });

  const exec = (script: string): Promise<string> =>
    cluster.kubectl("exec", "deploy/web", "--", "sh", "-c", script);

  test("a pod reaches the API server through the kubernetes service, by name and by its variables", async () => {
    // busybox has no TLS that the server accepts; that it connects shows the way, its token is tried in pods.test.ts
    assert.equal(
      await exec("nc -w 5 kubernetes.default.svc 443 </dev/null && echo connected"),
      "connected\n",
    );
    const byVariables =
      'nc -w 5 "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT" </dev/null && echo connected';
    assert.equal(await exec(byVariables), "connected\n");
  });

  test("scale, set image, rollout status and undo", async () => {
    await cluster.kubectl("scale", "deploy/web", "--replicas=5");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    await cluster.kubectl("set", "image", "deploy/web", "web=demo/web:2");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=90s");
    await eventually("version 2 answers", async () => ((await get(url)).includes("2") ? true : undefined));
    await cluster.kubectl("rollout", "undo", "deploy/web");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=90s");
    const image = await cluster.kubectl(
      "get",
      "deploy",
      "web",
      "-o",
      "jsonpath={.spec.template.spec.containers[0].image}",
    );
    assert.equal(image, "demo/web:1");
    assert.match(await cluster.kubectl("rollout", "history", "deploy/web"), /REVISION/);
  });

  test("deleted pods are replaced", async () => {
    const old = await podNames(cluster);
    await cluster.kubectl("delete", "pod", "-l", "app=web", "--wait=false");
    await eventually(
      "five new pods",
      async () => {
        const now = await podNames(cluster);
        return now.length === 5 && !now.some((name) => old.includes(name)) ? true : undefined;
      },
      90_000,
    );
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
  });

  test("a pod with a missing image says why", async () => {
    await cluster.kubectl("run", "missing", "--image=192.168.255.1:5000/no/such:1");
    await eventually("ErrImagePull", async () => {
      const reason = await cluster.kubectl(
        "get",
        "pod",
        "missing",
        "-o",
        "jsonpath={.status.containerStatuses[0].state.waiting.reason}",
      );
      return reason === "ErrImagePull" || reason === "ImagePullBackOff" ? true : undefined;
    });
    assert.match(
      await cluster.kubectl("describe", "pod", "missing"),
      /Failed to pull image "192\.168\.255\.1:5000\/no\/such:1"/,
    );
    await cluster.kubectl("delete", "pod", "missing", "--grace-period=1");
  });

  test("status, profile list, ip and kubectl", async () => {
    const status = JSON.parse(await cluster.k8ts("status", "-o", "json")) as
      | { APIServer: string }
      | { APIServer: string }[];
    assert.equal([status].flat()[0]!.APIServer, "Running");
    assert.match(await cluster.k8ts("profile", "list"), new RegExp(`e2e${nodeCount}\\s+Running\\s+netns`));
    assert.match(await cluster.k8ts("ip"), /^192\.168\.\d+\.2\n$/);
    assert.match(await cluster.k8ts("kubectl", "--", "get", "nodes"), /Ready/);
  });

  for (const program of ["server", `k8ts-e2e${nodeCount}.agent`]) {
    test(`kill -9 of ${program}: it comes back, and containers are adopted`, async () => {
      const counts = await restarts(cluster);
      const file = join(cluster.home, "profiles", cluster.profile, "pids", `${program}.child.pid`);
      const pid = Number(readFileSync(file, "utf8"));
      process.kill(pid, "SIGKILL");
      await eventually("a new process", async () =>
        [0, pid].includes(Number(readFileSync(file, "utf8"))) ? undefined : true,
      );
      await eventually("the API answers", async () => {
        const { code } = await cluster.tryKubectl(["get", "--raw", "/readyz"]);
        return code === 0 ? true : undefined;
      });
      await cluster.kubectl("create", "configmap", `after-${program.replace(".", "-")}`);
      await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
      assert.deepEqual(await restarts(cluster), counts);
      assert.match(podIn(await get(url)), /^web-/);
    });
  }

  test("stop and start: everything is still there, and runs again", async () => {
    await cluster.k8ts("stop");
    await cluster.k8ts("start", "--wait=all");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=90s");
    await eventually("the service answers", async () =>
      podIn(await get(url)).startsWith("web-") ? true : undefined,
    );
  });
}

interface NodeList {
  readonly items: readonly {
    readonly status: {
      readonly conditions: readonly { readonly type: string; readonly status: string }[];
      readonly capacity: Readonly<Record<string, string>>;
      readonly addresses: readonly { readonly type: string; readonly address: string }[];
      readonly nodeInfo: { readonly kubeletVersion: string; readonly containerRuntimeVersion: string };
    };
  }[];
}

/** Running, not leaving. */
async function podNames(cluster: TestCluster): Promise<readonly string[]> {
  const json = await cluster.kubectl("get", "pods", "-l", "app=web", "-o", "json");
  const { items } = JSON.parse(json) as {
    items: { metadata: { name: string; deletionTimestamp?: string } }[];
  };
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
}

async function restarts(cluster: TestCluster): Promise<readonly string[]> {
  const path = "{range .items[*]}{.metadata.name}={.status.containerStatuses[0].restartCount} {end}";
  const text = await cluster.kubectl("get", "pods", "-l", "app=web", "-o", `jsonpath=${path}`);
  return text
    .trim()
    .split(" ")
    .toSorted((a, b) => a.localeCompare(b));
}

function podIn(answer: string): string {
  return /web-[a-z0-9]+-[a-z0-9]+/.exec(answer)?.[0] ?? `no pod name in: ${answer}`;
}

/** A connection of its own for every request: keep-alive would stay at one pod. */
function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent: false, timeout: 5_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.once("end", () => resolve(text));
      response.once("error", reject);
    });
    req.once("timeout", () => req.destroy(new Error(`no answer from ${url}`)));
    req.once("error", reject);
    req.end();
  });
}
