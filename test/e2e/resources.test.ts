/** What a node does with its resources, with real containers: limits, eviction, resizes that must wait, and its figures. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { eventually, run, TestCluster } from "./harness.ts";
import { IMAGE, STATUS, podSteps, sh } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const MIB = 2 ** 20;
/** All pods together, so that a test need not fill the machine. */
const PODS_MEMORY = 400 * MIB;
/** Of them, what is to stay free. */
const THRESHOLD = 100 * MIB;
const PIDS_MAX = 40;
const isRoot = process.geteuid?.() === 0;

const asks = (memory: string): object => ({
  containers: [{ ...sh("c", "sleep 3600"), resources: { requests: { memory } } }],
  terminationGracePeriodSeconds: 1,
});

const sysctls = (name: string): object => ({ sysctls: [{ name, value: "200" }] });

const limits = (memory: string): object => ({ requests: { memory: "8Mi" }, limits: { memory } });

/** As kubeadm writes it, and one setting more. */
const CONFIG = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
allowedUnsafeSysctls: [net.core.somaxconn]
authentication: {anonymous: {enabled: false}, webhook: {cacheTTL: 0s, enabled: true}}
authorization: {mode: Webhook, webhook: {cacheAuthorizedTTL: 0s, cacheUnauthorizedTTL: 0s}}
cgroupDriver: systemd
clusterDomain: cluster.local
crashLoopBackOff: {}
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
imageMaximumGCAge: 0s
memorySwap: {}
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
syncFrequency: 0s
`;

suite("resources", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  const { pod, ready, phase, field } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare("e2eresources");
    const config = join(cluster.home, "kubelet.yaml");
    await writeFile(config, CONFIG);
    const options = [
      `kubelet.config=${config}`,
      `kubelet.eviction-hard=memory.available<${THRESHOLD}`,
      "kubelet.eviction-pressure-transition-period=30s",
      `kubelet.system-reserved=memory=${totalmem() - PODS_MEMORY}`,
      `kubelet.pod-max-pids=${PIDS_MAX}`,
    ];
    await cluster.k8ts("start", ...options.map((option) => `--extra-config=${option}`));
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
  });
  after(() => cluster?.destroy());

  const kubectl = (...args: readonly string[]): Promise<string> => cluster.kubectl(...args);
  const get = async (name: string): Promise<Pod> =>
    JSON.parse(await kubectl("get", "pod", name, "-o", "json")) as Pod;
  const raw = async (path: string): Promise<string> => {
    const node = (await kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();
    return kubectl("get", "--raw", `/api/v1/nodes/${node}/proxy/${path}`);
  };
  const events = async (name: string): Promise<string> =>
    kubectl(
      "get",
      "events",
      "--field-selector",
      `involvedObject.name=${name}`,
      "-o",
      "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}",
    );
  /** Events come a moment after what they tell of. */
  const tells = async (name: string, pattern: RegExp): Promise<void> => {
    let text = "";
    await eventually(`an event ${pattern.source}`, async () => {
      text = await events(name);
      return pattern.test(text) ? true : undefined;
    }).catch(() => assert.match(text, pattern));
  };
  const resize = (name: string, resources: object): Promise<string> =>
    kubectl(
      "patch",
      "pod",
      name,
      "--subresource=resize",
      "-p",
      JSON.stringify({ spec: { containers: [{ name: "c", resources }] } }),
    );
  const condition = async (name: string, type: string): Promise<string> => {
    const found = (await get(name)).status?.conditions?.find((one) => one.type === type);
    return found === undefined ? "" : `${found.reason ?? ""}: ${found.message ?? ""}`;
  };

  const hasTaken = async (): Promise<true | undefined> => {
    const summary = JSON.parse(await raw("stats/summary?only_cpu_and_memory=true")) as {
      readonly pods: readonly { podRef: { name: string }; memory?: { usageBytes?: number } }[];
    };
    return (summary.pods.find(({ podRef }) => podRef.name === "sinks")?.memory?.usageBytes ?? 0) > 45_000_000
      ? true
      : undefined;
  };

  test("a container that takes more memory than its limit is OOMKilled", async () => {
    const hog = sh("c", "head -c 60000000 /dev/zero | tail -c 60000000 >/dev/null; echo never");
    const resources = { limits: { memory: "24Mi" } };
    const command = ["sh", "-c", "exec tail -c 60000000 /dev/zero"];
    await pod("oom", { restartPolicy: "Never", containers: [{ ...hog, command, resources }] });
    await phase("oom", "Failed");
    assert.equal(await field("oom", `${STATUS}.state.terminated.reason}`), "OOMKilled");
    assert.equal(await field("oom", `${STATUS}.state.terminated.exitCode}`), "137");
  });

  test("a fork bomb is held by the pod's limit of processes", async () => {
    // The shell that may not fork any more ends; what it started goes on.
    const bomb = "(i=0; while [ $i -lt 200 ]; do sleep 3600 & i=$((i+1)); done)";
    const script = `${bomb}; exec tail -f /dev/null`;
    await pod("bomb", { terminationGracePeriodSeconds: 1, containers: [sh("c", script)] });
    await phase("bomb", "Running");
    const { metadata } = await get("bomb");
    const count = async (): Promise<number | undefined> => {
      const { pods } = JSON.parse(await raw("stats/summary")) as {
        readonly pods: readonly { podRef: { uid: string }; process_stats?: { process_count: number } }[];
      };
      const processes =
        pods.find(({ podRef }) => podRef.uid === metadata.uid)?.process_stats?.process_count ?? 0;
      return processes > PIDS_MAX - 5 ? processes : undefined;
    };
    const processes = await eventually("processes of the pod", count);
    assert.ok(processes <= PIDS_MAX, `${processes} processes`);
    await kubectl("delete", "pod", "bomb", "--now");
  });

  test("a pod that logs more than it may store is evicted", async () => {
    const resources = { limits: { "ephemeral-storage": "1Mi" } };
    const script = "yes 0123456789012345678901234567890123456789 | head -c 4000000; sleep 3600";
    await pod("logs", { terminationGracePeriodSeconds: 1, containers: [{ ...sh("c", script), resources }] });
    await phase("logs", "Failed");
    assert.equal(await field("logs", "{.status.reason}"), "Evicted");
    assert.match(
      await field("logs", "{.status.message}"),
      /^(Pod ephemeral local storage usage exceeds the total limit of containers 1Mi\.|Container c exceeded its local ephemeral storage limit "1Mi"\.) $/,
    );
    await tells("logs", /^Evicted: /m);
  });

  test("the pod that takes most above its request is evicted when the node runs short", async () => {
    await pod("modest", {
      containers: [{ ...sh("c", "sleep 3600"), resources: { requests: { memory: "16Mi" } } }],
    });
    await ready("modest");
    const script = "(head -c 335000000 /dev/zero; sleep 3600) | tail -c 335000000";
    await pod("greedy", { terminationGracePeriodSeconds: 30, containers: [sh("c", script)] });
    await phase("greedy", "Failed");
    const { status } = await get("greedy");
    assert.equal(status?.reason, "Evicted");
    assert.match(
      status.message ?? "",
      /^The node was low on resource: memory\. Threshold quantity: 100Mi, available: \d+Ki\. Container c was using \d+Ki, request is 0, has larger consumption of memory\. $/,
    );
    const target = status.conditions?.find(({ type }) => type === "DisruptionTarget");
    assert.deepEqual([target?.status, target?.reason], ["True", "TerminationByKubelet"]);
    assert.equal(await field("modest", "{.status.phase}"), "Running");

    const node = "{.items[0].status.conditions[?(@.type=='MemoryPressure')].status}";
    await eventually("the node's condition", async () =>
      (await kubectl("get", "nodes", "-o", `jsonpath=${node}`)) === "True" ? true : undefined,
    );
    const taints = async (): Promise<string> =>
      kubectl("get", "nodes", "-o", "jsonpath={.items[0].spec.taints[*].key}");
    await eventually("the taint", async () =>
      (await taints()).includes("memory-pressure") ? true : undefined,
    );
    const nodeName = await field("modest", "{.spec.nodeName}");
    await pod("late", {
      nodeName,
      tolerations: [{ operator: "Exists", effect: "NoExecute" }],
      containers: [sh("c", "sleep 3600")],
    });
    await phase("late", "Failed");
    assert.equal(
      await field("late", "{.status.message}"),
      "Pod was rejected: The node had condition: [MemoryPressure]. ",
    );
    await kubectl("wait", "--for=condition=MemoryPressure=false", `node/${nodeName}`, "--timeout=120s");
    await eventually("the taint is gone", async () =>
      (await taints()).includes("memory-pressure") ? undefined : true,
    );
    assert.match(
      await raw("metrics"),
      /kubelet_evictions\{eviction_signal="allocatableMemory.available"\} 1/,
    );
  });

  test("a resize waits until the node has room for it", async () => {
    await pod("grows", asks("32Mi"));
    await pod("large", asks("180Mi"));
    await ready("grows");
    await ready("large");
    await resize("grows", { requests: { memory: "128Mi" } });
    await eventually("deferred", async () =>
      (await condition("grows", "PodResizePending")).startsWith(
        "Deferred: Node didn't have enough resource: memory",
      )
        ? true
        : undefined,
    );
    await tells("grows", /^ResizeDeferred: Pod resize Deferred: \{"containers"/m);
    assert.equal(await field("grows", `${STATUS}.allocatedResources.memory}`), "32Mi");
    await kubectl("delete", "pod", "large", "--now");
    await eventually("granted", async () =>
      (await field("grows", `${STATUS}.resources.requests.memory}`)) === "128Mi" ? true : undefined,
    );
    await eventually("nothing is pending", async () =>
      (await condition("grows", "PodResizePending")) === "" ? true : undefined,
    );
    await kubectl("delete", "pod", "grows", "--now");
  });

  test("a critical pod takes the place of another one", async () => {
    await pod("ordinary", asks("180Mi"));
    await ready("ordinary");
    const nodeName = await field("ordinary", "{.spec.nodeName}");
    await pod("critical", { ...asks("128Mi"), nodeName, priorityClassName: "system-node-critical" });
    await ready("critical");
    await phase("ordinary", "Failed");
    assert.equal(await field("ordinary", "{.status.reason}"), "Preempting");
    await tells("ordinary", /^Preempting: Preempted in order to admit critical pod$/m);
    const disrupted = '{.status.conditions[?(@.type=="DisruptionTarget")].reason}';
    assert.equal(await field("ordinary", disrupted), "TerminationByKubelet");
    assert.match(await raw("metrics"), /kubelet_preemptions\{preemption_signal="memory"\} 1/);
    await kubectl("delete", "pod", "ordinary", "critical", "--now");
  });

  test("a KubeletConfiguration is in force: unsafe sysctls that it allows, a health check of its own", async () => {
    await pod("tuned", { ...asks("16Mi"), securityContext: sysctls("net.core.somaxconn") });
    await ready("tuned");
    const { stdout } = await cluster.tryKubectl([
      "exec",
      "tuned",
      "--",
      "cat",
      "/proc/sys/net/core/somaxconn",
    ]);
    assert.equal(stdout.trim(), "200");
    await pod("untuned", { ...asks("16Mi"), securityContext: sysctls("net.core.optmem_max") });
    await phase("untuned", "Failed");
    assert.equal(await field("untuned", "{.status.reason}"), "SysctlForbidden");
    const { kubeletconfig } = JSON.parse(await raw("configz")) as { readonly kubeletconfig: object };
    const { allowedUnsafeSysctls, healthzPort } = kubeletconfig as Record<string, unknown>;
    assert.deepEqual([allowedUnsafeSysctls, healthzPort], [["net.core.somaxconn"], 10_248]);
    const node = await field("tuned", "{.spec.nodeName}");
    const inside = ["nsenter", `--net=/run/netns/${node}.node`, "--"];
    const script = 'fetch("http://127.0.0.1:10248/healthz").then(async (r) => console.log(await r.text()))';
    const health = await run([...inside, process.execPath, "-e", script], process.env);
    assert.equal(health.stdout.trim(), "ok", health.stderr);
    await kubectl("delete", "pod", "tuned", "untuned", "--now");
  });

  test("a memory limit does not sink below what is in use", async () => {
    const script = "(head -c 50000000 /dev/zero; sleep 3600) | tail -c 50000000";
    await pod("sinks", {
      terminationGracePeriodSeconds: 1,
      containers: [{ ...sh("c", script), resources: limits("96Mi") }],
    });
    await ready("sinks");
    await eventually("it has taken its memory", hasTaken);
    await resize("sinks", limits("32Mi"));
    await eventually("refused", async () =>
      (await condition("sinks", "PodResizeInProgress")).startsWith("Error: cannot decrease memory limits: ")
        ? true
        : undefined,
    );
    assert.equal(await field("sinks", `${STATUS}.resources.limits.memory}`), "96Mi");
    assert.equal(await field("sinks", `${STATUS}.restartCount}`), "0");
    await kubectl("delete", "pod", "sinks", "--now");
  });

  test("cadvisor's metrics and the summary tell of containers and disks", async () => {
    await pod("shown", {
      containers: [
        { ...sh("c", "sleep 3600"), readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 } },
      ],
    });
    await ready("shown");
    const text = await eventually("the container's memory", async () => {
      const all = await raw("metrics/cadvisor");
      return /container_memory_working_set_bytes\{[^}]*container="c"[^}]*pod="shown"/.test(all)
        ? all
        : undefined;
    });
    for (const name of [
      "machine_cpu_cores",
      "container_cpu_usage_seconds_total",
      "container_network_receive_bytes_total",
      "container_start_time_seconds",
    ])
      assert.match(text, new RegExp(`^${name}\\{`, "m"));
    assert.match(
      await raw("metrics/probes"),
      /prober_probe_total\{pod="shown",[^}]*container="c",probe_type="Readiness",result="successful"\} \d/,
    );
    const { node, pods } = JSON.parse(await raw("stats/summary")) as {
      node: {
        fs: { capacityBytes: number };
        runtime: { imageFs: { usedBytes: number } };
        rlimit: { maxpid: number };
        systemContainers: readonly { name: string }[];
      };
      pods: readonly {
        podRef: { name: string };
        containers: readonly { logs?: object; rootfs?: object }[];
        "ephemeral-storage"?: object;
      }[];
    };
    assert.ok(node.fs.capacityBytes > 0 && node.runtime.imageFs.usedBytes > 0 && node.rlimit.maxpid > 0);
    assert.deepEqual(
      node.systemContainers.map(({ name }) => name),
      ["pods"],
    );
    const shown = pods.find(({ podRef }) => podRef.name === "shown");
    assert.ok(shown?.containers[0]?.logs !== undefined && shown["ephemeral-storage"] !== undefined);
  });
});
