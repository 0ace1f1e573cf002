/** What a node does with its resources, with real containers: limits, eviction, resizes that must wait, and its figures. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
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
const PROFILE = "e2eresources";
const NODE = `k8ts-${PROFILE}`;
/** Of the disk of kubelet's folder, where volumes are; images are on another. */
const DISK_MIB = 64;
const DISK_FILES = 4_000;
const DISK_LOW_MIB = 20;
const FILES_LOW = 1_500;
/** How much more than that is to be free, before the node has room again. */
const DISK_RECLAIM_MIB = 10;
/** More than is written by who asked for it. */
const STORED = { "ephemeral-storage": "30Mi" };
/** So long the node tells of what it lacked. */
const TRANSITION_SECONDS = 10;
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
volumeStatsAggPeriod: 1s
`;
/** More processes than a machine may have are to be free. */
const NO_PIDS = `evictionSoft: {pid.available: "${2 ** 23}"}
evictionSoftGracePeriod: {pid.available: 1s}
`;

suite("resources", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  let config = "";
  let disk = "";
  const { pod, ready, phase, field } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    config = join(cluster.home, "kubelet.yaml");
    await writeFile(config, CONFIG);
    disk = join(cluster.home, "profiles", PROFILE, "nodes", NODE, "kubelet");
    await mkdir(disk, { recursive: true });
    const size = `size=${DISK_MIB}m,nr_inodes=${DISK_FILES}`;
    const mounted = await run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", disk], process.env);
    assert.equal(mounted.code, 0, mounted.stderr);
    const hard = [
      `memory.available<${THRESHOLD}`,
      `nodefs.available<${DISK_LOW_MIB}Mi`,
      `nodefs.inodesFree<${FILES_LOW}`,
    ];
    const options = [
      `kubelet.config=${config}`,
      `kubelet.eviction-hard=${hard.join()}`,
      `kubelet.eviction-minimum-reclaim=nodefs.available=${DISK_RECLAIM_MIB}Mi`,
      `kubelet.eviction-pressure-transition-period=${TRANSITION_SECONDS}s`,
      `kubelet.system-reserved=memory=${totalmem() - PODS_MEMORY}`,
      `kubelet.pod-max-pids=${PIDS_MAX}`,
    ];
    await cluster.k8ts("start", ...options.map((option) => `--extra-config=${option}`));
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
  });
  after(async () => {
    try {
      await cluster?.destroy();
    } finally {
      await run(["umount", "--lazy", disk], process.env);
    }
  });

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

  const taints = (): Promise<string> => kubectl("get", "node", NODE, "-o", "jsonpath={.spec.taints[*].key}");
  const pressed = async (type: string, taint: string): Promise<void> => {
    await kubectl("wait", `--for=condition=${type}`, `node/${NODE}`, "--timeout=60s");
    await eventually("the taint", async () => (await taints()).includes(taint) || undefined);
  };
  const relieved = async (type: string, taint: string): Promise<void> => {
    await kubectl("wait", `--for=condition=${type}=false`, `node/${NODE}`, "--timeout=120s");
    await eventually("the taint is gone", async () => !(await taints()).includes(taint) || undefined);
  };
  const changedAt = async (type: string): Promise<number> => {
    const path = `jsonpath={.status.conditions[?(@.type=="${type}")].lastTransitionTime}`;
    return Date.parse(await kubectl("get", "node", NODE, "-o", path));
  };
  /** Also pods that nobody scheduled here. */
  const refuses = async (name: string, type: string): Promise<void> => {
    const tolerations = [{ operator: "Exists", effect: "NoExecute" }];
    await pod(name, { nodeName: NODE, tolerations, containers: [sh("c", "sleep 3600")] });
    await phase(name, "Failed");
    const told = await field(name, "{.status.reason}: {.status.message}");
    assert.equal(told, `Evicted: Pod was rejected: The node had condition: [${type}]. `);
  };
  /** Of these, in the order in which they were evicted. */
  const evicted = async (...names: readonly string[]): Promise<readonly string[]> => {
    const { items } = JSON.parse(
      await kubectl("get", "events", "--field-selector", "reason=Evicted", "-o", "json"),
    ) as {
      readonly items: readonly {
        metadata: { resourceVersion: string };
        involvedObject: { name: string };
      }[];
    };
    return items
      .filter(({ involvedObject }) => names.includes(involvedObject.name))
      .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
      .map(({ involvedObject }) => involvedObject.name);
  };
  /** By a kubelet that begins with it. */
  const configure = async (more: string): Promise<void> => {
    await writeFile(config, CONFIG + more);
    const pid = agentPid();
    process.kill(pid, "SIGKILL");
    await eventually("another kubelet", async () => {
      if (agentPid() === pid || agentPid() === 0) return undefined;
      const { kubeletconfig } = JSON.parse(await raw("configz")) as { kubeletconfig: object };
      return "evictionSoft" in kubeletconfig === (more !== "") ? true : undefined;
    });
  };
  const agentPid = (): number =>
    Number(readFileSync(join(cluster.home, "profiles", PROFILE, "pids", `${NODE}.agent.child.pid`), "utf8"));

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

    await pressed("MemoryPressure", "memory-pressure");
    const begin = await changedAt("MemoryPressure");
    await refuses("late", "MemoryPressure");
    await relieved("MemoryPressure", "memory-pressure");
    const lasted = (await changedAt("MemoryPressure")) - begin;
    assert.ok(lasted >= TRANSITION_SECONDS * 1_000, `told for ${lasted} ms`);
    assert.match(
      await raw("metrics"),
      /kubelet_evictions\{eviction_signal="allocatableMemory.available"\} 1/,
    );
  });

  test("when the node's disk fills up, pods that store more than they asked for are evicted: by priority, then use, until enough is free; then by their files", async () => {
    for (const [name, value] of Object.entries({ minor: -10, major: 10 }))
      await cluster.apply({
        apiVersion: "scheduling.k8s.io/v1",
        kind: "PriorityClass",
        metadata: { name },
        value,
      });
    const minor = { priorityClassName: "minor" };
    await pod("files", { ...writer(writes(0)), ...minor });
    await pod("forks", { ...writer("for i in $(seq 30); do sleep 3600 & done"), ...minor });
    await pod("asked", { ...writer(writes(8), STORED), ...minor });
    await pod("important", { ...writer(writes(18)), priorityClassName: "major" });
    await pod("second", { ...writer(writes(9)), ...minor });
    for (const name of ["files", "forks", "asked", "important", "second"]) await ready(name);
    await pod("first", { ...writer(writes(10)), ...minor });
    await phase("first", "Failed");
    const count = DISK_FILES - FILES_LOW;
    await kubectl("exec", "files", "--", "sh", "-c", `cd /data; seq ${count} | xargs touch`);
    for (const name of ["first", "second"]) {
      await phase(name, "Failed");
      assert.match(
        await field(name, "{.status.reason}: {.status.message}"),
        /^Evicted: The node was low on resource: ephemeral-storage\. Threshold quantity: 20Mi, available: \d+Ki\. /,
      );
    }
    await tells(NODE, /^EvictionThresholdMet: Attempting to reclaim ephemeral-storage$/m);
    await phase("files", "Failed");
    assert.match(
      await field("files", "{.status.message}"),
      /^The node was low on resource: inodes\. Threshold quantity: 1500, available: \d+\. $/,
    );
    assert.deepEqual(await evicted("first", "second"), ["first", "second"]);
    await pressed("DiskPressure", "disk-pressure");
    await refuses("late-for-disk", "DiskPressure");
    for (const name of ["asked", "important"]) assert.equal(await field(name, "{.status.phase}"), "Running");
  });

  test("pods are evicted by their processes when the node runs short of those, after the grace period of a soft threshold", async () => {
    await configure(NO_PIDS);
    await phase("forks", "Failed");
    assert.match(
      await field("forks", "{.status.message}"),
      /^The node was low on resource: pids\. Threshold quantity: 8388608, available: \d+\. $/,
    );
    await pressed("PIDPressure", "pid-pressure");
    await refuses("late-for-pids", "PIDPressure");
    await phase("asked", "Failed");
    assert.deepEqual(await evicted("forks", "asked"), ["forks", "asked"]);
    await configure("");
    await relieved("PIDPressure", "pid-pressure");
    await kubectl("delete", "pods", "--all", "--now");
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

/** Writes into a volume of its own. */
function writer(script: string, requests: object = {}): object {
  const container = sh("c", `cd /data; ${script}; touch done; exec sleep 3600`);
  const volumeMounts = [{ name: "data", mountPath: "/data" }];
  const readinessProbe = { exec: { command: ["test", "-e", "/data/done"] }, periodSeconds: 1 };
  return {
    terminationGracePeriodSeconds: 1,
    containers: [{ ...container, volumeMounts, readinessProbe, resources: { requests } }],
    volumes: [{ name: "data", emptyDir: {} }],
  };
}

function writes(mib: number): string {
  return `dd if=/dev/zero of=file bs=1M count=${mib}`;
}
