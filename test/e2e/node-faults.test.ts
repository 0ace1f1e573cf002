/** What goes wrong on a node while pods run: kubelet dies in phases of a pod that are held open for it and in between, probes hang, volumes vanish, the node is full, the machine is shut down; and what its services have logged. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { FaultyRegistry } from "./faulty-registry.ts";
import { TestCluster, eventually } from "./harness.ts";
import { MachineServices, whyNoJournal, whyNoLogind } from "./machine-services.ts";
import { IMAGE, podSteps, sh } from "./pod-steps.ts";

const PROFILE = "e2enode";
const NODE = `k8ts-${PROFILE}`;
const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
/** As often as kubelet dies: each time in another step of what it does for these pods. */
const KILLS = 3;
const CONFIG = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
enableSystemLogQuery: true
`;
/** Together as long as logind lets anybody wait. */
const SHUTDOWN = `shutdownGracePeriod: 5s
shutdownGracePeriodCriticalPods: 2s
`;
/** What a node takes, with the components' own. */
const PODS_MAX = 110;

suite("faults on a node", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  let services: MachineServices;
  let config = "";
  const { pod, ready, phase, field, inside } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    services = new MachineServices(join(cluster.home, "services"));
    cluster.env["PATH"] = `${services.bin}${delimiter}${process.env["PATH"]}`;
    config = join(cluster.home, "kubelet.yaml");
    writeFileSync(config, CONFIG);
    await cluster.k8ts("start", "--wait=all", `--extra-config=kubelet.config=${config}`);
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
  });
  after(async () => {
    await services?.stop();
    await cluster?.destroy();
  });

  suite("kubelet killed while a pod", () => {
    const quick = { terminationGracePeriodSeconds: 1 };
    const restarts = `{.status.containerStatuses[0].restartCount}`;
    let signs = "";
    let registry: FaultyRegistry;
    before(async () => {
      signs = join(cluster.home, "phases");
      mkdirSync(signs);
      const address = `${(await cluster.k8ts("ip")).trim().replace(/\.\d+$/, ".1")}:5003`;
      await cluster.k8ts("start", `--insecure-registry=${address}`);
      registry = await FaultyRegistry.start(address, WEB, cluster.home);
    });
    after(() => registry?.stop());

    test("waits for its sandbox: it runs", async () => {
      const containerd = pidOf("containerd");
      process.kill(containerd, "SIGSTOP");
      try {
        await pod("sandboxing", { ...quick, containers: [sh("c", "sleep 3600")] });
        const logs = join(cluster.home, "profiles", PROFILE, "nodes", NODE, "pod-logs");
        await eventually("its sandbox is asked for", async () =>
          readdirSync(logs).some((name) => name.startsWith("default_sandboxing_")) ? true : undefined,
        );
        await killAgent();
      } finally {
        process.kill(containerd, "SIGCONT");
      }
      await ready("sandboxing");
    });

    test("has its sandbox and its image is pulled: it runs", async () => {
      const image = await registry.push("held/web");
      await pod("pulling", { ...quick, containers: [{ name: "c", image }] });
      await eventually("the pull", async () => registry.isAsked("held/web") || undefined);
      await killAgent();
      registry.calmDown();
      await ready("pulling");
      assert.equal(await field("pulling", restarts), "0");
    });

    test("has its sandbox and image and no container yet: it runs", async () => {
      const envFrom = [{ configMapRef: { name: "between" } }];
      await pod("between", { ...quick, containers: [{ ...sh("c", "sleep 3600"), envFrom }] });
      const reason = "{.status.containerStatuses[0].state.waiting.reason}";
      await eventually("the refusal", async () =>
        (await field("between", reason)) === "CreateContainerConfigError" ? true : undefined,
      );
      await killAgent();
      await cluster.kubectl("create", "configmap", "between", "--from-literal=A=1");
      await ready("between");
      assert.equal(await inside("between", "c", "echo $A"), "1\n");
      assert.equal(await field("between", restarts), "0");
    });

    test("is in its init container: that one goes on, and the pod runs", async () => {
      await heldPod("initializing", { initContainers: [held("i", phaseScript("initializing"))] });
      await killInPhase("initializing");
      await ready("initializing");
      const count = "{.status.initContainerStatuses[0].restartCount}";
      assert.equal(await field("initializing", count), "0");
    });

    test("is in its postStart hook: it runs", async () => {
      const exec = { command: ["sh", "-c", phaseScript("hooked")] };
      const container = held("c", "sleep 3600");
      await heldPod("hooked", { containers: [{ ...container, lifecycle: { postStart: { exec } } }] });
      await killInPhase("hooked");
      await ready("hooked");
    });

    test("is in its preStop hook: it ends", async () => {
      const exec = { command: ["sh", "-c", phaseScript("stopping")] };
      const container = held("c", "trap 'exit 0' TERM; sleep 3600 & wait");
      const spec = { containers: [{ ...container, lifecycle: { preStop: { exec } } }] };
      await heldPod("stopping", { ...spec, terminationGracePeriodSeconds: 600 });
      await ready("stopping");
      await cluster.kubectl("delete", "pod", "stopping", "--wait=false");
      await killInPhase("stopping");
      await cluster.kubectl("wait", "--for=delete", "pod/stopping", "--timeout=60s");
    });

    test("was told to end and takes its time: it is let, and ends", async () => {
      const script = `trap '${phaseScript("ending")}; touch /signs/ended; exit 0' TERM; sleep 3600 & wait`;
      await heldPod("ending", { containers: [held("c", script)], terminationGracePeriodSeconds: 600 });
      await ready("ending");
      await cluster.kubectl("delete", "pod", "ending", "--wait=false");
      await killInPhase("ending");
      await cluster.kubectl("wait", "--for=delete", "pod/ending", "--timeout=60s");
      assert.ok(existsSync(join(signs, "ended")));
    });

    test("and all that came through it are deleted", async () => {
      await cluster.kubectl("delete", "pods", "--all", "--now", "--timeout=60s");
    });

    async function heldPod(name: string, spec: object): Promise<void> {
      const volumes = [{ name: "signs", hostPath: { path: signs } }];
      await pod(name, { ...quick, containers: [sh("c", "sleep 3600")], ...spec, volumes });
    }

    async function killInPhase(name: string): Promise<void> {
      await eventually(`the phase of ${name}`, async () =>
        existsSync(join(signs, `${name}-begun`)) ? true : undefined,
      );
      await killAgent();
      writeFileSync(join(signs, `${name}-go`), "");
    }
  });

  test("kubelet killed again and again while pods begin, run and end: each comes to its end", async () => {
    const never = { restartPolicy: "Never", terminationGracePeriodSeconds: 1 };
    const forever = sh("c", "sleep 3600");
    const slowly = { exec: { command: ["sh", "-c", "sleep 2"] } };
    const quick = { terminationGracePeriodSeconds: 1 };
    await pod("ending", {
      terminationGracePeriodSeconds: 20,
      containers: [{ ...forever, lifecycle: { preStop: slowly } }],
    });
    await pod("deleted", { ...quick, containers: [forever] });
    await pod("waiting", {
      ...quick,
      containers: [{ ...forever, envFrom: [{ configMapRef: { name: "later" } }] }],
    });
    // a start that is broken off is a container that has failed, and these are not started again
    const dir = join(cluster.home, "signs");
    mkdirSync(dir);
    const signs = { volumes: [{ name: "signs", hostPath: { path: dir } }] };
    const volumeMounts = [{ name: "signs", mountPath: "/signs" }];
    const ends = (code: number): object => ({
      ...sh("c", `until test -e /signs/end; do sleep 0.2; done; exit ${code}`),
      volumeMounts,
    });
    await pod("completing", { ...never, ...signs, containers: [ends(0)] });
    await pod("failing", { ...never, ...signs, containers: [ends(7)] });
    for (const name of ["ending", "deleted", "completing", "failing"]) await phase(name, "Running");
    await pod("initializing", { ...quick, initContainers: [sh("i", "sleep 3")], containers: [forever] });
    await pod("hooked", { ...quick, containers: [{ ...forever, lifecycle: { postStart: slowly } }] });
    await pod("crashing", { ...quick, containers: [sh("c", "sleep 1; exit 1")] });
    await cluster.kubectl("delete", "pod", "ending", "--wait=false");
    for (let i = 0; i < KILLS; i++) {
      const pid = pidOf("agent");
      process.kill(pid, "SIGKILL");
      if (i === 0) {
        writeFileSync(join(dir, "end"), "");
        await cluster.kubectl("delete", "pod", "deleted", "--wait=false");
        await pod("created", { ...quick, containers: [forever] });
        await cluster.kubectl("create", "configmap", "later", "--from-literal=A=1");
      }
      await newAgent(pid);
      // the pods show it that this one got to work
      await cluster.kubectl("annotate", "pod", "created", `round=${i}`, "--overwrite");
    }
    for (const name of ["initializing", "hooked", "created", "waiting"]) await ready(name);
    await phase("completing", "Succeeded");
    await phase("failing", "Failed");
    const code = "{.status.containerStatuses[0].state.terminated.exitCode}";
    assert.equal(await field("completing", code), "0");
    assert.equal(await field("failing", code), "7");
    await eventually("a restart", async () =>
      Number(await field("crashing", "{.status.containerStatuses[0].restartCount}")) > 0 ? true : undefined,
    );
    for (const name of ["ending", "deleted"])
      await cluster.kubectl("wait", "--for=delete", `pod/${name}`, "--timeout=60s");
    await cluster.kubectl("delete", "pods", "--all", "--now", "--timeout=60s");
  });

  test("probes that hang are cut off, count as failures, and hold up nobody else's", async () => {
    const hangs = { exec: { command: ["sleep", "1000"] }, timeoutSeconds: 1, periodSeconds: 1 };
    const mute = { httpGet: { port: 9000 }, timeoutSeconds: 1, periodSeconds: 1, failureThreshold: 1 };
    const quick = { terminationGracePeriodSeconds: 1 };
    await pod("hangs", {
      ...quick,
      containers: [{ ...sh("c", "sleep 3600"), livenessProbe: { ...hangs, failureThreshold: 1 } }],
    });
    // listens, and never answers
    await pod("mute", {
      ...quick,
      containers: [{ ...sh("c", "sleep 3600 | nc -lk -p 9000"), readinessProbe: mute }],
    });
    await pod("fine", {
      ...quick,
      containers: [
        { ...sh("c", "sleep 3600"), readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 } },
      ],
    });
    await ready("fine");
    await eventually("a restart", async () =>
      Number(await field("hangs", "{.status.containerStatuses[0].restartCount}")) > 0 ? true : undefined,
    );
    await tells("hangs", 'Liveness probe failed: command "sleep 1000" timed out');
    await tells("mute", "Readiness probe failed: Get ");
    assert.equal(await field("mute", "{.status.containerStatuses[0].ready}"), "false");
    // what was cut off does not go on
    const probes = await eventually("an answer between two restarts", async () => {
      const text = await inside("hangs", "c", "ps | grep -c '[s]leep 1000' || true");
      return /^\d+\n$/.test(text) ? text : undefined;
    });
    assert.ok(Number(probes) <= 1, `${probes} probes run`);
    await cluster.kubectl("delete", "pod", "hangs", "mute", "fine", "--now");
  });

  test("a volume whose source vanishes: who has it goes on, who needs it is told, and it heals", async () => {
    const source = join(cluster.home, "source");
    mkdirSync(source);
    await cluster.kubectl("create", "configmap", "settings", "--from-literal=color=red");
    const spec = {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          ...sh("c", "sleep 3600"),
          volumeMounts: [
            { name: "host", mountPath: "/host" },
            { name: "settings", mountPath: "/settings" },
          ],
        },
      ],
      volumes: [
        { name: "host", hostPath: { path: source, type: "Directory" } },
        { name: "settings", configMap: { name: "settings" } },
      ],
    };
    await pod("has", spec);
    await ready("has");
    rmSync(source, { recursive: true });
    await cluster.kubectl("delete", "configmap", "settings");
    await pod("needs", spec);
    await tells(
      "needs",
      "MountVolume.SetUp failed for volume",
      "hostPath type check failed",
      "is not a directory",
    );
    await tells("needs", 'configmap "settings" not found');
    assert.equal(await inside("has", "c", "cat /settings/color"), "red");
    assert.equal(await field("has", "{.status.containerStatuses[0].restartCount}"), "0");
    mkdirSync(source);
    await cluster.kubectl("create", "configmap", "settings", "--from-literal=color=blue");
    await ready("needs");
    assert.equal(await inside("needs", "c", "cat /settings/color"), "blue");
    // gone again when they end: that is no reason to stay
    rmSync(source, { recursive: true });
    await cluster.kubectl("delete", "pod", "has", "needs", "--now", "--timeout=60s");
    assert.equal(existsSync(source), false);
  });

  test("as many pods at once as the node takes run, one more waits, and all end", async (t) => {
    const alive = "--field-selector=status.phase!=Failed,status.phase!=Succeeded";
    const others = await cluster.kubectl("get", "pods", "-A", alive, "-o", "name");
    const count = PODS_MAX - others.trim().split("\n").length;
    const started = performance.now();
    await cluster.apply({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "many", namespace: "default" },
      spec: {
        replicas: count + 1,
        progressDeadlineSeconds: 600,
        selector: { matchLabels: { app: "many" } },
        template: {
          metadata: { labels: { app: "many" } },
          spec: { terminationGracePeriodSeconds: 1, containers: [sh("c", "exec sleep 3600")] },
        },
      },
    });
    const available = "jsonpath={.status.availableReplicas}";
    await eventually(
      `${count} pods that run`,
      async () =>
        (await cluster.kubectl("get", "deploy", "many", "-o", available)) === String(count)
          ? true
          : undefined,
      400_000,
    );
    t.diagnostic(`${count} pods ran after ${Math.round(performance.now() - started)} ms`);
    const pending = ["-l", "app=many", "--field-selector=status.phase=Pending"];
    const message = "jsonpath={.items[*].status.conditions[0].message}";
    assert.match(await cluster.kubectl("get", "pods", ...pending, "-o", message), /Too many pods/);
    const ips = (
      await cluster.kubectl("get", "pods", "-l", "app=many", "-o", "jsonpath={.items[*].status.podIP}")
    )
      .trim()
      .split(" ");
    assert.equal(new Set(ips).size, count);
    const ending = performance.now();
    await cluster.kubectl("delete", "deploy", "many", "--cascade=foreground", "--wait=false");
    await eventually(
      "the end of all",
      async () =>
        (await cluster.kubectl("get", "pods", "-l", "app=many", "-o", "name")) === "" ? true : undefined,
      240_000,
    );
    t.diagnostic(`all ended within ${Math.round(performance.now() - ending)} ms`);
  });

  suite("logs of the machine", () => {
    test("of a service, by its journal", { skip: whyNoJournal() }, async () => {
      assert.deepEqual(lines(await raw("?query=kubelet&tailLines=2")), ["line 8", "line 10"]);
      assert.deepEqual(lines(await raw("?query=other&pattern=line%20[37]")), ["line 3", "line 7"]);
      const since = "sinceTime=2026-09-21T14:13:28Z";
      assert.deepEqual(lines(await raw(`?query=kubelet&query=other&${since}`)).slice(-1), ["line 11"]);
      assert.match(await raw("?query=nobody"), /^\nlog not found for nobody\n$/);
    });

    test("of a file, and of none outside of their folder", async () => {
      const name = `k8ts-${PROFILE}-${process.pid}`;
      const file = `/var/log/${name}.log`;
      const link = `/var/log/${name}-link`;
      try {
        writeFileSync(file, "of a file\n");
        symlinkSync("/etc/passwd", link);
        assert.equal(await raw(`?query=${name}`), "of a file\n");
        assert.equal(await raw(`?query=/${name}.log`), "of a file\n");
        assert.equal(await raw(`${name}.log`), "of a file\n");
        for (const path of [
          `${name}-link`,
          `?query=/${name}-link`,
          "?query=../../etc/passwd",
          "?query=..%2F..%2Fetc%2Fpasswd",
          "?query=..\\..\\etc\\passwd",
          "%2e%2e/%2e%2e/etc/passwd",
          "..%2f..%2fetc%2fpasswd",
        ])
          assert.match(await refused(path), /not found|NotFound/, path);
        assert.match(await refused("?query=kubelet%3Bid"), /BadRequest/);
        assert.match(await refused("?query=kubelet&tailLines=100001"), /BadRequest/);
      } finally {
        for (const path of [file, link]) rmSync(path, { force: true });
      }
    });
  });

  test(
    "the machine is shut down: pods end in the order of their priority, the node takes no more, and it heals when it was called off",
    {
      skip: whyNoLogind(),
    },
    async () => {
      await services.startLogind();
      await restartAgent(CONFIG + SHUTDOWN);
      await eventually("the lock", async () => (await locks()) || undefined);
      const dir = join(cluster.home, "shutdown");
      mkdirSync(dir);
      const volumes = [{ name: "signs", hostPath: { path: dir } }];
      await pod("prompt", { containers: [trapping("touch /signs/prompt-ended; exit 0")], volumes });
      await pod("stubborn", {
        containers: [trapping("touch /signs/stubborn-told")],
        terminationGracePeriodSeconds: 600,
        volumes,
      });
      const priorityClassName = "system-node-critical";
      const looks = "ls /signs >/tmp/seen; mv /tmp/seen /signs/seen; exit 0";
      await pod("critical", { containers: [trapping(looks)], priorityClassName, volumes });
      for (const name of ["prompt", "stubborn", "critical"]) {
        await ready(name);
        await eventually("its trap", async () => existsSync(join(dir, name)) || undefined);
      }

      await services.prepareForShutdown(true);
      for (const name of ["prompt", "stubborn", "critical"]) {
        // one that ended by itself, with 0, has succeeded all the same
        await cluster.kubectl(
          "wait",
          "--for=jsonpath={.status.reason}=Terminated",
          `pod/${name}`,
          "--timeout=60s",
        );
        const message = "Pod was terminated in response to imminent node shutdown.";
        assert.equal(await field(name, "{.status.phase}: {.status.message}"), `Failed: ${message}`);
        const disrupted = '{.status.conditions[?(@.type=="DisruptionTarget")].reason}';
        assert.equal(await field(name, disrupted), "TerminationByKubelet");
      }
      const exitCode = "{.status.containerStatuses[0].state.terminated.exitCode}";
      assert.equal(await field("stubborn", exitCode), "137");
      const seen = readFileSync(join(dir, "seen"), "utf8");
      assert.match(seen, /prompt-ended[^]*stubborn-told/);
      await cluster.kubectl("wait", "--for=condition=Ready=false", `node/${NODE}`, "--timeout=60s");
      const told = "jsonpath={.status.conditions[?(@.type=='Ready')].message}";
      assert.match(await cluster.kubectl("get", "node", NODE, "-o", told), /node is shutting down/);
      await eventually("the lock is given back", async () => !(await locks()) || undefined);
      const tolerations = [{ operator: "Exists" }];
      await pod("late", { nodeName: NODE, tolerations, containers: [sh("c", "sleep 3600")] });
      await phase("late", "Failed");
      assert.equal(
        await field("late", "{.status.reason}: {.status.message}"),
        "NodeShutdown: Pod was rejected: Pod was rejected as the node is shutting down.",
      );

      await services.prepareForShutdown(false);
      await cluster.kubectl("wait", "--for=condition=Ready", `node/${NODE}`, "--timeout=60s");
      await eventually("the lock again", async () => (await locks()) || undefined);
      await pod("after", { terminationGracePeriodSeconds: 1, containers: [sh("c", "sleep 3600")] });
      await ready("after");
      const metrics = await cluster.kubectl("get", "--raw", `/api/v1/nodes/${NODE}/proxy/metrics`);
      assert.match(metrics, /^kubelet_graceful_shutdown_end_time_seconds [1-9]/m);
      await cluster.kubectl("delete", "pods", "--all", "--now", "--timeout=60s");
    },
  );

  function raw(path: string): Promise<string> {
    return cluster.kubectl("get", "--raw", logsPath(path));
  }

  async function refused(path: string): Promise<string> {
    const { code, stderr } = await cluster.tryKubectl(["get", "--raw", logsPath(path)]);
    assert.notEqual(code, 0, path);
    return stderr;
  }

  async function locks(): Promise<boolean> {
    return /"shutdown" "kubelet"/.test((await services.inhibitors()) ?? "");
  }

  async function restartAgent(text: string): Promise<void> {
    writeFileSync(config, text);
    await killAgent();
  }

  async function tells(name: string, ...texts: readonly string[]): Promise<void> {
    await eventually(`describe tells ${texts.join(" and ")}`, async () => {
      const text = await cluster.kubectl("describe", "pod", name);
      return texts.every((part) => text.includes(part)) ? true : undefined;
    }).catch(async (cause: unknown) => {
      throw new Error(await cluster.kubectl("describe", "pod", name), { cause });
    });
  }

  async function killAgent(): Promise<void> {
    const pid = pidOf("agent");
    process.kill(pid, "SIGKILL");
    await newAgent(pid);
  }

  async function newAgent(than: number): Promise<void> {
    // the file is empty while it is written
    await eventually("a new agent", async () => ([0, than].includes(pidOf("agent")) ? undefined : true));
  }

  function pidOf(program: "agent" | "containerd"): number {
    const file = join(cluster.home, "profiles", PROFILE, "pids", `${NODE}.${program}.child.pid`);
    return Number(readFileSync(file, "utf8"));
  }
});

/** Tells that it has begun, and ends when it may. */
function phaseScript(name: string): string {
  return `touch /signs/${name}-begun; until test -e /signs/${name}-go; do sleep 0.2; done`;
}

/** Of a pod with the folder of signs. */
function held(name: string, script: string): object {
  return { ...sh(name, script), volumeMounts: [{ name: "signs", mountPath: "/signs" }] };
}

/** Of a pod with the folder of signs: says that it is ready for its end, and then how it was told of it. */
function trapping(script: string): object {
  return held("c", `trap '${script}' TERM; touch /signs/$HOSTNAME; while true; do sleep 0.1; done`);
}

function logsPath(path: string): string {
  return `/api/v1/nodes/${NODE}/proxy/logs/${path}`;
}

/** Of the journal. */
function lines(text: string): readonly string[] {
  return text.match(/line \d+/g) ?? [];
}
