/** What a kubelet promises for the pods of a node, with real containers: life cycle, probes, volumes, limits. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { TestCluster, eventually } from "./harness.ts";
import { IMAGE, STATUS, podSteps, sh } from "./pod-steps.ts";

const execFileAsync = promisify(execFile);
const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
/** Pods that come and go do not disturb each other; more at once would make two processors the bottleneck. */
const CONCURRENCY = 4;

const skip = isRoot ? false : "needs root: real containers";
suite("pods", { skip, concurrency: CONCURRENCY }, () => {
  let cluster: TestCluster;
  let hostDir = "";
  const { pod, ready, phase, field, inside, holds } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare("e2epods");
    await cluster.k8ts("start");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    hostDir = join(cluster.home, "host");
    mkdirSync(hostDir);
  });
  after(() => cluster?.destroy());

  test("init containers run one after the other before the others", async () => {
    const volumeMounts = [{ name: "work", mountPath: "/work" }];
    await pod("init", {
      volumes: [{ name: "work", emptyDir: {} }],
      initContainers: [
        { ...sh("one", "sleep 1; echo one >>/work/log"), volumeMounts },
        { ...sh("two", "echo two >>/work/log"), volumeMounts },
      ],
      containers: [{ ...sh("main", "echo main >>/work/log; sleep 3600"), volumeMounts }],
    });
    await ready("init");
    await holds("init", "main", "/work/log", "one\ntwo\nmain\n");
    const reasons = "{.status.initContainerStatuses[*].state.terminated.reason}";
    assert.equal(await field("init", reasons), "Completed Completed");
    assert.match(await cluster.kubectl("get", "pod", "init"), /1\/1\s+Running\s+0/);
  });

  test("an init container that fails ends a pod that is not restarted", async () => {
    await pod("init-fails", {
      restartPolicy: "Never",
      initContainers: [sh("one", "exit 4"), sh("two", "true")],
      containers: [sh("main", "true")],
    });
    await phase("init-fails", "Failed");
    const codes = "{.status.initContainerStatuses[*].state.terminated.exitCode}";
    assert.equal(await field("init-fails", codes), "4");
    assert.match(await cluster.kubectl("get", "pod", "init-fails"), /0\/1\s+Init:Error/);
  });

  test("a sidecar starts first, and ends when the others have completed", async () => {
    await pod("sidecar", {
      restartPolicy: "Never",
      initContainers: [
        { ...sh("helper", "trap 'exit 0' TERM; while :; do sleep 0.1; done"), restartPolicy: "Always" },
      ],
      containers: [sh("main", "sleep 1")],
    });
    await phase("sidecar", "Succeeded");
    assert.equal(await field("sidecar", "{.status.initContainerStatuses[0].state.terminated.exitCode}"), "0");
  });

  test("restartPolicy Never and OnFailure end as the exit code says", async () => {
    await pod("never", { restartPolicy: "Never", containers: [sh("c", "exit 3")] });
    await pod("done", { restartPolicy: "OnFailure", containers: [sh("c", "exit 0")] });
    await phase("never", "Failed");
    await phase("done", "Succeeded");
    assert.equal(await field("never", `${STATUS}.state.terminated.exitCode}`), "3");
    assert.equal(await field("never", `${STATUS}.state.terminated.reason}`), "Error");
    assert.equal(await field("never", `${STATUS}.restartCount}`), "0");
    assert.match(await cluster.kubectl("get", "pod", "never", "done"), /done\s+0\/1\s+Completed/);
  });

  test("a container that crashes is restarted, with back-off, and its last logs stay", async () => {
    await pod("crash", { restartPolicy: "Always", containers: [sh("c", "echo attempt; exit 1")] });
    const first = await backsOff("crash", 1);
    assert.match(first, /^back-off \d+s restarting failed container=c pod=crash_default\([-0-9a-f]{36}\)$/);
    assert.equal(await field("crash", `${STATUS}.lastState.terminated.exitCode}`), "1");
    assert.equal(await cluster.kubectl("logs", "crash", "--previous"), "attempt\n");
    await shows("crash", /Back-off restarting failed container c/);
    await backsOff("crash", 2);
    await cluster.kubectl("delete", "pod", "crash", "--grace-period=1");
  });

  test("a container's own rules decide by its exit code: run again, or all of the pod's containers", async () => {
    const exitCodes = { operator: "In", values: [42] };
    const volumeMounts = [{ name: "work", mountPath: "/work" }];
    const script = "if mkdir /work/first; then exit 42; fi; sleep 3600";
    const shared = { restartPolicy: "Never", volumes: [{ name: "work", emptyDir: {} }] };
    const restart = { restartPolicy: "Never", restartPolicyRules: [{ action: "Restart", exitCodes }] };
    const all = {
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "RestartAllContainers", exitCodes }],
    };
    await pod("rule-one", {
      ...shared,
      terminationGracePeriodSeconds: 0,
      containers: [
        { ...sh("a", script), ...restart, volumeMounts },
        { ...sh("b", "sleep 3600"), volumeMounts },
      ],
    });
    await pod("rule-all", {
      ...shared,
      terminationGracePeriodSeconds: 0,
      initContainers: [{ ...sh("i", "echo i >>/work/log"), volumeMounts }],
      containers: [
        { ...sh("a", `sleep 1; ${script}`), ...all, volumeMounts },
        { ...sh("b", "echo b >>/work/log; sleep 3600"), volumeMounts },
      ],
    });
    const counts = (name: string): Promise<string> =>
      field(
        name,
        "{.status.initContainerStatuses[*].restartCount} {.status.containerStatuses[*].restartCount}",
      );
    await eventually("one restart", async () => ((await counts("rule-one")) === " 1 0" ? true : undefined));
    const ip = await field("rule-all", "{.status.podIP}");
    await eventually("a restart of all", async () =>
      (await counts("rule-all")) === "1 1 1" ? true : undefined,
    );
    await ready("rule-all");
    await holds("rule-all", "a", "/work/log", "i\nb\ni\nb\n");
    assert.equal(await field("rule-all", "{.status.podIP}"), ip, "it keeps its sandbox");
    const condition = "{.status.conditions[?(@.type=='AllContainersRestarting')].status}";
    assert.equal(await field("rule-all", condition), "False");
    assert.equal(await field("rule-all", "{.status.phase}"), "Running");
  });

  test("a liveness probe by exec restarts its container", async () => {
    const livenessProbe = { exec: { command: ["cat", "/tmp/alive"] }, periodSeconds: 1, failureThreshold: 1 };
    const container = sh("c", "touch /tmp/alive; sleep 2; rm /tmp/alive; sleep 3600");
    await pod("live", {
      terminationGracePeriodSeconds: 1,
      containers: [{ ...container, livenessProbe: { ...livenessProbe, initialDelaySeconds: 1 } }],
    });
    await eventually("a restart", async () =>
      Number(await field("live", `${STATUS}.restartCount}`)) > 0 ? true : undefined,
    );
    await shows(
      "live",
      /Unhealthy .*Liveness probe failed: cat: can't open '\/tmp\/alive': No such file or directory/,
    );
    await shows("live", /Killing .*Container c failed liveness probe, will be restarted/);
    await cluster.kubectl("delete", "pod", "live", "--wait=false");
  });

  test("a readiness probe by HTTP decides who gets a service's requests", async () => {
    const readinessProbe = { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1 };
    await pod(
      "http",
      {
        containers: [
          { name: "c", image: IMAGE, ports: [{ name: "http", containerPort: 80 }], readinessProbe },
        ],
      },
      { labels: { app: "http" } },
    );
    await cluster.kubectl("expose", "pod", "http", "--port=80", "--name=http");
    await phase("http", "Running");
    await shows("http", /Unhealthy .*Readiness probe failed: HTTP probe failed with statuscode: 404/);
    await eventually("an endpoint that is not ready", async () =>
      (await endpoint("http")) === "false" ? true : undefined,
    );
    await cluster.kubectl("exec", "http", "--", "touch", "/www/ready");
    await ready("http");
    await eventually("a ready endpoint", async () =>
      (await endpoint("http")) === "true" ? true : undefined,
    );
    await cluster.kubectl("exec", "http", "--", "rm", "/www/ready");
    await eventually("no ready endpoint", async () =>
      (await endpoint("http")) === "false" ? true : undefined,
    );
    assert.equal(await field("http", `${STATUS}.restartCount}`), "0");
  });

  test("a startup probe by TCP holds the others back", async () => {
    await pod("tcp", {
      containers: [
        {
          ...sh("c", "until test -e /tmp/go; do sleep 0.1; done; exec serve"),
          startupProbe: { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 90 },
          livenessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 1 },
        },
      ],
    });
    await phase("tcp", "Running");
    assert.equal(await field("tcp", `${STATUS}.started}`), "false");
    await inside("tcp", "c", "touch /tmp/go");
    await ready("tcp");
    assert.equal(await field("tcp", `${STATUS}.started}`), "true");
    assert.equal(await field("tcp", `${STATUS}.restartCount}`), "0");
  });

  test("a readiness probe by gRPC asks for the health of a service, here on the node's own network", async () => {
    const ip = (await cluster.k8ts("ip")).trim();
    const file = join(cluster.home, "grpc-serving");
    const program = [
      process.execPath,
      join(import.meta.dirname, "grpc-health-server.ts"),
      `${ip}:50051`,
      file,
    ];
    const server = spawn("nsenter", ["--net=/run/netns/k8ts-e2epods.node", "--", ...program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(server.stdout, "data");
      await pod("grpc", {
        hostNetwork: true,
        containers: [
          { ...sh("c", "sleep 3600"), readinessProbe: { grpc: { port: 50051 }, periodSeconds: 1 } },
        ],
      });
      await phase("grpc", "Running");
      assert.equal(await field("grpc", "{.status.podIP}"), ip);
      await shows(
        "grpc",
        /Unhealthy .*Readiness probe failed: .*service unhealthy \(responded with "NOT_SERVING"\)/,
      );
      writeFileSync(file, "");
      await ready("grpc");
    } finally {
      server.kill();
    }
    await cluster.kubectl("delete", "pod", "grpc", "--grace-period=0", "--force");
  });

  test("postStart comes before Ready, preStop before TERM, and the grace period is given", async () => {
    const log = join(hostDir, "hooks.log");
    await pod("hooks", {
      terminationGracePeriodSeconds: 20,
      volumes: [{ name: "host", hostPath: { path: hostDir, type: "Directory" } }],
      containers: [
        {
          ...sh(
            "c",
            "trap 'echo term >>/host/hooks.log; sleep 2; echo done >>/host/hooks.log; exit 0' TERM; while :; do sleep 0.1; done",
          ),
          volumeMounts: [{ name: "host", mountPath: "/host" }],
          lifecycle: {
            postStart: { exec: { command: ["sh", "-c", "sleep 1; echo post-start >>/host/hooks.log"] } },
            preStop: { exec: { command: ["sh", "-c", "sleep 1; echo pre-stop >>/host/hooks.log"] } },
          },
        },
      ],
    });
    await ready("hooks");
    assert.equal(readFileSync(log, "utf8"), "post-start\n");
    const began = performance.now();
    await cluster.kubectl("delete", "pod", "hooks");
    const tookMs = performance.now() - began;
    assert.equal(readFileSync(log, "utf8"), "post-start\npre-stop\nterm\ndone\n");
    assert.ok(tookMs > 2_900 && tookMs < 20_000, `${tookMs} ms`);
  });

  test("a postStart hook that fails kills its container", async () => {
    const postStart = { exec: { command: ["sh", "-c", "echo reason; exit 5"] } };
    await pod("hook-fails", {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      containers: [{ ...sh("c", "sleep 3600"), lifecycle: { postStart } }],
    });
    await phase("hook-fails", "Failed");
    await shows("hook-fails", /FailedPostStartHook/);
  });

  test("who ignores TERM gets KILL after the grace period", async () => {
    await pod("stubborn", {
      terminationGracePeriodSeconds: 3,
      containers: [sh("c", "trap '' TERM; while :; do sleep 0.1; done")],
    });
    await ready("stubborn");
    const began = performance.now();
    await cluster.kubectl("delete", "pod", "stubborn");
    const tookMs = performance.now() - began;
    assert.ok(tookMs > 2_900 && tookMs < 25_000, `${tookMs} ms`);
  });

  test("emptyDir and hostPath: shared, in memory, with the owner that was asked for", async () => {
    await pod("dirs", {
      securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 },
      volumes: [
        { name: "shared", emptyDir: {} },
        { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
        { name: "host", hostPath: { path: join(hostDir, "made"), type: "DirectoryOrCreate" } },
      ],
      containers: [
        {
          ...sh("writer", "echo hello >/shared/file; sleep 3600"),
          volumeMounts: [{ name: "shared", mountPath: "/shared" }],
        },
        {
          ...sh("reader", "sleep 3600"),
          volumeMounts: [
            { name: "shared", mountPath: "/shared", readOnly: true },
            { name: "memory", mountPath: "/memory" },
            { name: "host", mountPath: "/host" },
          ],
        },
      ],
    });
    await ready("dirs");
    await holds("dirs", "reader", "/shared/file", "hello\n");
    assert.match(
      await inside("dirs", "reader", "grep ' /memory ' /proc/mounts"),
      /^tmpfs \/memory tmpfs rw.*size=16384k/,
    );
    assert.match(
      await inside("dirs", "reader", "(echo x >/shared/no) 2>&1 || true"),
      /Read-only file system/,
    );
    assert.equal(
      await inside("dirs", "reader", "id -u; stat -c %g /shared/file /memory"),
      "1000\n2000\n2000\n",
    );
    assert.deepEqual(readdirSync(join(hostDir, "made")), []);
  });

  test("config maps and secrets arrive as files and variables, and changes arrive in the files", async () => {
    await cluster.kubectl(
      "create",
      "configmap",
      "settings",
      "--from-literal=colour=red",
      "--from-literal=SIZE=3",
    );
    await cluster.kubectl("create", "secret", "generic", "keys", "--from-literal=password=hunter2");
    await pod("config", {
      volumes: [
        { name: "settings", configMap: { name: "settings" } },
        {
          name: "keys",
          secret: { secretName: "keys", defaultMode: 0o400, items: [{ key: "password", path: "deep/pw" }] },
        },
        { name: "absent", configMap: { name: "absent", optional: true } },
      ],
      containers: [
        {
          ...sh("c", "sleep 3600"),
          envFrom: [{ configMapRef: { name: "settings" }, prefix: "S_" }],
          env: [
            { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "keys", key: "password" } } },
            { name: "MESSAGE", value: "it is $(PASSWORD) and $$(PASSWORD)" },
          ],
          volumeMounts: [
            { name: "settings", mountPath: "/settings" },
            { name: "settings", mountPath: "/one-file", subPath: "colour" },
            { name: "keys", mountPath: "/keys" },
            { name: "absent", mountPath: "/absent" },
          ],
        },
      ],
    });
    await ready("config");
    assert.equal(await inside("config", "c", "cat /settings/colour /one-file; ls /absent"), "redred");
    assert.equal(
      await inside("config", "c", "cat /keys/deep/pw; stat -L -c ' %a' /keys/deep/pw"),
      "hunter2 400\n",
    );
    assert.equal(await inside("config", "c", "grep -c ' /keys tmpfs ' /proc/mounts"), "1\n");
    assert.equal(
      await inside("config", "c", 'echo "$S_colour $S_SIZE $PASSWORD $MESSAGE"'),
      "red 3 hunter2 it is hunter2 and $(PASSWORD)\n",
    );
    const patch = '{"data":{"colour":"blue","new":"1","SIZE":null}}';
    await cluster.kubectl("patch", "configmap", "settings", "--type=merge", "-p", patch);
    await holds("config", "c", "/settings/colour", "blue");
    assert.equal(await inside("config", "c", "ls /settings"), "colour\nnew\n");
    assert.equal(await inside("config", "c", "cat /one-file"), "red"); // subPath mounts stay as they were
  });

  test("a local volume on an empty device gets a file system, which pods of the claim share one after the other", async () => {
    const disk = join(cluster.home, "disk");
    writeFileSync(disk, "");
    truncateSync(disk, 16 << 20);
    const device = (await execFileAsync("losetup", ["--find", "--show", disk])).stdout.trim();
    try {
      const path = "{.items[0].metadata.labels.kubernetes\\.io/hostname}";
      const node = await cluster.kubectl("get", "nodes", "-o", `jsonpath=${path}`);
      const only = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
      const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions: [only] }] } };
      const same = { accessModes: ["ReadWriteOnce"], storageClassName: "disks" };
      const storage = { storage: "16Mi" };
      const local = { path: device, fsType: "ext4" };
      const metadata = { name: "disk", namespace: "default" };
      for (const [kind, spec] of [
        ["PersistentVolume", { capacity: storage, local, nodeAffinity }],
        ["PersistentVolumeClaim", { resources: { requests: storage } }],
      ] as const)
        await cluster.apply({ apiVersion: "v1", kind, metadata, spec: { ...same, ...spec } });
      const volumes = [{ name: "disk", persistentVolumeClaim: { claimName: "disk" } }];
      const volumeMounts = [{ name: "disk", mountPath: "/disk" }];
      const writes = { ...sh("c", "echo kept >/disk/file; grep ' /disk ' /proc/mounts"), volumeMounts };
      await pod("disk-one", { volumes, restartPolicy: "Never", containers: [writes] });
      await phase("disk-one", "Succeeded");
      assert.match(await cluster.kubectl("logs", "disk-one"), new RegExp(`^${device} /disk ext4 rw`));
      await cluster.kubectl("delete", "pod", "disk-one");
      const reads = { ...sh("c", "cat /disk/file"), volumeMounts };
      await pod("disk-two", { volumes, restartPolicy: "Never", containers: [reads] });
      await phase("disk-two", "Succeeded");
      assert.equal(await cluster.kubectl("logs", "disk-two"), "kept\n");
      await cluster.kubectl("delete", "pod/disk-two", "pvc/disk", "pv/disk");
    } finally {
      // goes at once, or when nobody has it mounted any more
      await execFileAsync("losetup", ["--detach", device]);
    }
  });

  test("a missing config map holds the container back and says so", async () => {
    await pod("waits", {
      containers: [{ ...sh("c", "sleep 3600"), envFrom: [{ configMapRef: { name: "later" } }] }],
    });
    await eventually("CreateContainerConfigError", async () =>
      (await field("waits", `${STATUS}.state.waiting.reason}`)) === "CreateContainerConfigError"
        ? true
        : undefined,
    );
    assert.equal(await field("waits", `${STATUS}.state.waiting.message}`), 'configmap "later" not found');
    await cluster.kubectl("create", "configmap", "later", "--from-literal=a=1");
    await ready("waits");
  });

  test("the projected token opens the API to the pod, and says who it is", async () => {
    await cluster.kubectl("create", "serviceaccount", "reader");
    await cluster.kubectl(
      "create",
      "rolebinding",
      "reader",
      "--clusterrole=view",
      "--serviceaccount=default:reader",
    );
    await pod("token", {
      serviceAccountName: "reader",
      volumes: [
        {
          name: "own",
          projected: {
            sources: [
              { serviceAccountToken: { path: "token", audience: "vault", expirationSeconds: 3600 } },
              { downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
            ],
          },
        },
      ],
      containers: [{ ...sh("c", "sleep 3600"), volumeMounts: [{ name: "own", mountPath: "/own" }] }],
    });
    await ready("token");
    const account = "/var/run/secrets/kubernetes.io/serviceaccount";
    assert.equal(await inside("token", "c", `cat ${account}/namespace /own/name`), "defaulttoken");
    // busybox's wget speaks no TLS that this server takes: the token is tried from here, with the pod's own CA
    const ca = await inside("token", "c", `cat ${account}/ca.crt`);
    const token = await inside("token", "c", `cat ${account}/token`);
    const url = await cluster.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}");
    const pods = `${url}/api/v1/namespaces/default/pods`;
    const own = await getWithToken(`${pods}/token`, ca, token);
    assert.equal(own.code, 200);
    assert.match(own.text, /"name":\s*"token"/);
    const secrets = await getWithToken(`${url}/api/v1/namespaces/kube-system/secrets`, ca, token);
    assert.equal(secrets.code, 403);
    assert.match(secrets.text, /User \\"system:serviceaccount:default:reader\\" cannot list resource/);
    assert.equal(
      (await getWithToken(`${pods}/token`, ca, await inside("token", "c", "cat /own/token"))).code,
      401,
    );
    await cluster.kubectl("delete", "pod", "token", "--grace-period=1");
    // a token ends with its pod, once the server has forgotten that it was good
    await eventually("an answer of 401", async () =>
      (await getWithToken(`${pods}/token`, ca, token)).code === 401 ? true : undefined,
    );
  });

  test("the downward API tells a container about its pod and its limits", async () => {
    const resources = { requests: { cpu: "100m", memory: "16Mi" }, limits: { cpu: "200m", memory: "32Mi" } };
    await pod(
      "downward",
      {
        volumes: [
          {
            name: "info",
            downwardAPI: {
              items: [
                { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
                { path: "note", fieldRef: { fieldPath: "metadata.annotations['note']" } },
                {
                  path: "cpu",
                  resourceFieldRef: { containerName: "c", resource: "limits.cpu", divisor: "1m" },
                },
              ],
            },
          },
        ],
        containers: [
          {
            ...sh("c", "sleep 3600"),
            resources,
            env: [
              { name: "IP", ...fieldRef("status.podIP") },
              { name: "NODE", ...fieldRef("spec.nodeName") },
              { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "limits.memory" } } },
            ],
            volumeMounts: [{ name: "info", mountPath: "/info" }],
          },
        ],
      },
      { labels: { app: "x", tier: "y" }, annotations: { note: "hello" } },
    );
    await ready("downward");
    assert.equal(
      await inside("downward", "c", "cat /info/labels; echo; cat /info/note; echo; cat /info/cpu"),
      'app="x"\ntier="y"\nhello\n200',
    );
    const ip = await field("downward", "{.status.podIP}");
    assert.equal(await inside("downward", "c", "echo $IP $NODE $MEMORY"), `${ip} k8ts-e2epods 33554432\n`);
    assert.equal(await field("downward", "{.status.qosClass}"), "Burstable");
    const memory =
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";
    assert.equal(await inside("downward", "c", memory), "33554432\n");
    const cpu = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max";
    assert.equal(await inside("downward", "c", cpu), "20000\n");
    await cluster.kubectl("label", "pod", "downward", "tier=z", "--overwrite");
    await holds("downward", "c", "/info/labels", 'app="x"\ntier="z"');
  });

  test("who takes more memory than the limit is killed: OOMKilled, 137", async () => {
    const hog = sh("c", "x=0123456789abcdef; while :; do x=$x$x; done");
    await pod("hog", {
      restartPolicy: "Never",
      containers: [{ ...hog, resources: { limits: { memory: "24Mi", cpu: "500m" } } }],
    });
    await phase("hog", "Failed");
    assert.equal(await field("hog", `${STATUS}.state.terminated.reason}`), "OOMKilled");
    assert.equal(await field("hog", `${STATUS}.state.terminated.exitCode}`), "137");
    assert.equal(await field("hog", "{.status.qosClass}"), "Guaranteed");
  });

  /** Its message while it waits, after so many restarts or more: each wait is twice the one before. */
  async function backsOff(name: string, restartsMin: number): Promise<string> {
    const path = `${STATUS}.restartCount} ${STATUS}.state.waiting.reason} ${STATUS}.state.waiting.message}`;
    return eventually(`CrashLoopBackOff after ${restartsMin} restarts`, async () => {
      const [restarts, reason, ...words] = (await field(name, path)).split(" ");
      if (Number(restarts) < restartsMin || reason !== "CrashLoopBackOff") return undefined;
      assert.equal(words[1], ["10s", "20s", "40s", "1m20s"][Number(restarts) - 1]);
      return words.join(" ");
    });
  }

  /** Events come a moment after what they tell of. */
  async function shows(name: string, pattern: RegExp): Promise<void> {
    await eventually(`describe shows ${pattern.source}`, async () =>
      pattern.test(await cluster.kubectl("describe", "pod", name)) ? true : undefined,
    );
  }

  function endpoint(service: string): Promise<string> {
    const path = "jsonpath={.items[*].endpoints[*].conditions.ready}";
    return cluster.kubectl(
      "get",
      "endpointslices",
      "-l",
      `kubernetes.io/service-name=${service}`,
      "-o",
      path,
    );
  }
});

function fieldRef(fieldPath: string): object {
  return { valueFrom: { fieldRef: { fieldPath } } };
}

function getWithToken(
  url: string,
  ca: string,
  token: string,
): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const req = request(url, { ca, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.once("end", () => resolve({ code: response.statusCode!, text }));
    });
    req.once("error", reject);
    req.end();
  });
}
