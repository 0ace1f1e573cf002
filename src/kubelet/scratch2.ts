import { createApiServer } from "#apiserver";
import { newClient } from "#client";
import { openMemoryStore } from "#storage";
import { systemClock } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Secrets } from "#api/core/v1/secret";
import { Events } from "#api/core/v1/event";
import { runKubelet, linuxPlatform } from "./index.ts";
import { readLogs } from "./server/logs.ts";
import { startContainerdFixture, TEST_IMAGE } from "../cri/containerd/fixture.ts";
import { readdir } from "node:fs/promises";
import { ServiceAccounts } from "#api/core/v1/serviceaccount"; import { readFileSync } from "node:fs"; import { execFileSync } from "node:child_process"; import WebSocket from "ws"; import { promisify } from "node:util"; import { execFile } from "node:child_process"; const sh = promisify(execFile);
const pem = (n: string) => readFileSync("/tmp/kpki/" + n, "utf8");
const log = (l: string) => (m: string, f?: any) => console.log(l, m, f?.err?.message ?? f ?? "");
const logger: any = { debug: log("D"), info: log("I"), warn: log("W"), error: log("E"), child: () => logger };
const ISSUER: any = { issue: async (i: any) => { console.log("token asked", JSON.stringify(i).slice(0, 200)); return { token: "tok-" + i.expirationSeconds, expiresAt: Date.now() + 3600e3 }; }, defaultAudiences: ["k8s"] };
const forever = new AbortController().signal;
const fx = await startContainerdFixture(forever);
const server = await createApiServer({ store: await openMemoryStore(), tokenIssuer: ISSUER });
let stop: AbortController | undefined;
try {
const client = newClient(server.transport());
const s = forever;
stop = new AbortController();
const options = () => ({ client, clock: systemClock, random: Math.random, logger, nodeName: "n1", nodeIPs: ["192.0.2.1"], runtime: fx.runtime, platform: linuxPlatform({ rootDir: `${fx.folder}/kubelet`, cgroupRoot: `/${fx.name}`, logger, clock: systemClock }), rootDir: `${fx.folder}/kubelet`, podLogsDir: `${fx.folder}/logs`, clusterDNS: ["10.96.0.10"], clusterDomain: "cluster.local", server: { host: "127.0.0.1", port: 18250, cert: pem("server.crt"), key: pem("server.key"), clientCA: pem("ca.crt") }, pressureThresholds: { fsAvailable: 0, fsInodesFree: 0 } });
let done = runKubelet(options(), stop!.signal); done.catch((e) => console.log("KUBELET FAILED", e));
async function until(what: string, f: () => Promise<boolean>, ms = 10000) { const t = performance.now(); while (performance.now() - t < ms) { if (await f()) { console.log("==", what, Math.round(performance.now() - t), "ms"); return; } await new Promise((r) => setTimeout(r, 5)); } console.log("TIMEOUT", what); for (const e of (await client.list(Events, {}, s)).items) console.log(e.type, e.reason, e.message, e.involvedObject.name, e.count); console.log(JSON.stringify((await client.list(Pods, {}, s)).items.map((p) => p.status)).slice(0,3000)); throw new Error("timeout"); }
const t0 = performance.now();
await until("node ready", async () => { try { return (await client.get(Nodes, { name: "n1" }, s)).status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true; } catch { return false; } });
const ns = { namespace: "default" };
const get = (name: string) => client.get(Pods, { ...ns, name }, s);
const ready = async (name: string) => (await get(name)).status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;
await client.create(ServiceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...ns, name: "default" } } as any, s); await client.create(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: { ...ns, name: "kube-root-ca.crt" }, data: { "ca.crt": "CA" } }, s);
await client.create(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: { ...ns, name: "cm" }, data: { "a.txt": "one", KEY: "val" } }, s);
await client.create(Secrets, { apiVersion: "v1", kind: "Secret", metadata: { ...ns, name: "sec" }, data: { pw: Buffer.from("hidden").toString("base64") } } as any, s);
const pod = (name: string, spec: any = {}, c: any = {}) => ({ apiVersion: "v1", kind: "Pod", metadata: { name, ...ns, labels: { app: name } }, spec: { nodeName: "n1", terminationGracePeriodSeconds: 2, containers: [{ name: "web", image: TEST_IMAGE, command: ["sleep", "3600"], ...c }], ...spec } }) as any;


const B = (script: string) => ["/bin/busybox", "sh", "-c", script.replaceAll("@", "/bin/busybox ")];
const run = async (name: string, spec: any, c: any, script: string) => {
  await client.create(Pods, pod(name, { restartPolicy: "Never", ...spec }, { command: B(script), ...c }), s).catch((e) => console.log("REFUSED", name, e.message));
  await until(name, async () => { const p = await get(name); return /Succeeded|Failed/.test(p.status?.phase ?? "") || /Error|Invalid/.test(p.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ""); }, 6000).catch(() => {});
  const p = await get(name);
  console.log("---", name, p.status?.phase, JSON.stringify(p.status?.containerStatuses?.[0]?.state), p.status?.podIP);
  try { for await (const chunk of readLogs({ path: logdir(p, "web"), clock: systemClock, isRunning: () => false }, { follow: false, timestamps: false }, s)) process.stdout.write(chunk); } catch (e: any) { console.log(e.code); }
};
await run("user", { securityContext: { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000, supplementalGroups: [4000] }, volumes: [{ name: "d", emptyDir: {} }] }, { volumeMounts: [{ name: "d", mountPath: "/d" }], securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } } }, "@id; @ls -ld /d; echo x > /d/f && @ls -l /d/f; echo y > /nope; @grep -e NoNewPrivs -e CapEff /proc/self/status; @ls -l /var/run/secrets/kubernetes.io/serviceaccount/..data/token");
await run("hostnet", { hostNetwork: true, hostPID: true, hostIPC: true }, {}, "@head -3 /etc/hosts; @hostname; @cat /etc/resolv.conf | @head -2; @ps | @wc -l");
await run("share", { shareProcessNamespace: true, hostname: "custom", subdomain: "sub", hostAliases: [{ ip: "10.1.1.1", hostnames: ["alias"] }] }, {}, "@hostname; @tail -4 /etc/hosts; @ps | @head -3");
await run("sysctl", { securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "80" }] } }, {}, "@cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
await run("badsysctl", { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "80" }] } }, {}, "true");
await run("nonroot", { securityContext: { runAsNonRoot: true } }, {}, "true");
await run("fallback", {}, { terminationMessagePolicy: "FallbackToLogsOnError" }, "echo last line; exit 5");
await run("expr", { volumes: [{ name: "d", emptyDir: {} }] }, { env: [{ name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }], volumeMounts: [{ name: "d", mountPath: "/d", subPathExpr: "$(N)/x" }, { name: "d", mountPath: "/all" }] }, "echo hi > /d/f; @find /all");
await run("deadline", { activeDeadlineSeconds: 1 }, {}, "@sleep 30");
await run("hostpath", { volumes: [{ name: "d", hostPath: { path: fx.folder + "/hp", type: "DirectoryOrCreate" } }] }, { volumeMounts: [{ name: "d", mountPath: "/d", readOnly: true }] }, "echo x > /d/f; @ls -ld /d");
await run("oom", {}, { resources: { limits: { memory: "8Mi" } } }, "@dd if=/dev/zero of=/dev/null bs=64M count=1");
await run("limits", {}, { resources: { limits: { memory: "32Mi", cpu: "200m" }, requests: { cpu: "100m" } } }, "@cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.shares; @cat /proc/self/oom_score_adj; @grep memory /proc/self/cgroup");
await run("noexec", {}, { command: ["/nope"] }, "");
await run("projmode", { volumes: [{ name: "s", secret: { secretName: "sec", defaultMode: 256, items: [{ key: "pw", path: "a/b", mode: 288 }] } }] }, { volumeMounts: [{ name: "s", mountPath: "/s" }] }, "@ls -lL /s/a/b; @mount | @grep /s");
const all = (await client.list(Pods, ns, s)).items.map((p) => p.metadata.name);
for (const n of all) await client.delete(Pods, { ...ns, name: n }, s);
await until("all gone", async () => (await client.list(Pods, ns, s)).items.length === 0, 20000);
await new Promise((r) => setTimeout(r, 500));
console.log("left", (await fx.runtime.listPodSandbox({}, s)).length, (await fx.runtime.listContainers({}, s)).length, await readdir(`${fx.folder}/kubelet/pods`), await readdir(`${fx.folder}/logs`));
stop!.abort(); await done;
} finally { stop?.abort(); await new Promise((r) => setTimeout(r, 300)); const m = (await import("./volumes/mounts.ts")); await m.unmountBelow(fx.folder + "/kubelet"); await server.close(); await fx.stop(); }
