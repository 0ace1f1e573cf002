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
await client.create(Pods, pod("plain"), s);
await until("plain ready", () => ready("plain"));
const big = pod("big", {
  initContainers: [{ name: "i1", image: TEST_IMAGE, command: ["sh", "-c", "echo hi > /data/f; sleep 0.1"], volumeMounts: [{ name: "data", mountPath: "/data" }] }, { name: "side", restartPolicy: "Always", image: TEST_IMAGE, command: ["sleep", "3600"] }],
  securityContext: { fsGroup: 1234 },
  volumes: [{ name: "data", emptyDir: {} }, { name: "mem", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }, { name: "cm", configMap: { name: "cm" } }, { name: "sec", secret: { secretName: "sec" } }, { name: "down", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } }, { name: "proj", projected: { sources: [{ configMap: { name: "cm", items: [{ key: "KEY", path: "sub/key" }] } }] } }],
}, { env: [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }, { name: "PW", valueFrom: { secretKeyRef: { name: "sec", key: "pw" } } }, { name: "X", value: "ip=$(IP)" }], envFrom: [{ configMapRef: { name: "cm" } }],
  command: ["/bin/busybox", "sh", "-c", "alias ls='busybox ls'; cat /data/f /cm/a.txt /sec/pw /down/labels /proj/sub/key /one; echo; echo $X $PW $KEY; ls -lR /var/run/secrets/kubernetes.io/serviceaccount/; cat /var/run/secrets/kubernetes.io/serviceaccount/token; cat /etc/hosts; cat /etc/resolv.conf; exec sleep 3600"],
  resources: { requests: { cpu: "100m", memory: "32Mi" }, limits: { memory: "64Mi" } },
  livenessProbe: { exec: { command: ["true"] }, periodSeconds: 1 }, readinessProbe: { exec: { command: ["cat", "/data/f"] }, periodSeconds: 1 },
  volumeMounts: [{ name: "data", mountPath: "/data" }, { name: "mem", mountPath: "/mem" }, { name: "cm", mountPath: "/cm" }, { name: "sec", mountPath: "/sec" }, { name: "down", mountPath: "/down" }, { name: "proj", mountPath: "/proj" }, { name: "cm", mountPath: "/one", subPath: "a.txt" }] });
await client.create(Pods, big, s);
await until("big ready", () => ready("big"));
const b = await get("big");
console.log(JSON.stringify(b.status?.initContainerStatuses?.map((c) => [c.name, c.state, c.ready, c.started])), b.status?.qosClass, b.status?.podIP);
const logdir = (p: any, c: string) => `${fx.folder}/logs/default_${p.metadata.name}_${p.metadata.uid}/${c}/0.log`;
for await (const chunk of readLogs({ path: logdir(b, "web"), clock: systemClock, isRunning: () => true }, { follow: false, timestamps: false }, s)) process.stdout.write(chunk);

const curl = async (path: string, who = "admin", extra: string[] = []) => (await sh("curl", ["-sk", "-m", "5", "--cert", `/tmp/kpki/${who}.crt`, "--key", `/tmp/kpki/${who}.key`, ...extra, `https://127.0.0.1:18250${path}`])).stdout;
for (const p of ["/healthz", "/containerLogs/default/big/web?tailLines=2&timestamps=true", "/containerLogs/default/none/web", "/containerLogs/default/big/nope", "/containerLogs/default/big/web?previous=true", "/nope", "/exec/default/big/web"]) console.log(p, "->", (await curl(p)).trim());
console.log("node cert:", (await curl("/pods", "node")).trim(), "| no cert:", (await sh("curl", ["-sk", "https://127.0.0.1:18250/pods"])).stdout.trim());
console.log("pods", JSON.parse(await curl("/pods")).items.length, JSON.parse(await curl("/runningpods")).items.length, (await curl("/stats/summary")).slice(0, 300)); console.log((await curl("/metrics")).slice(0, 300));
const wsExec = (path: string) => new Promise<void>((resolve) => { const ws = new WebSocket(`wss://127.0.0.1:18250${path}`, ["v4.channel.k8s.io"], { rejectUnauthorized: false, cert: pem("admin.crt"), key: pem("admin.key") }); ws.on("message", (d: Buffer) => console.log("ws", d[0], d.subarray(1).toString())); ws.on("close", () => resolve()); ws.on("error", (e) => { console.log("ws error", e.message); resolve(); }); ws.on("unexpected-response", (_: any, res: any) => { res.on("data", (d: Buffer) => console.log("ws refused", res.statusCode, d.toString())); resolve(); }); });
await wsExec("/exec/default/big/web?command=echo&command=hello&output=1&error=1");
await wsExec("/exec/default/big/web?command=sh&command=-c&command=exit+3&output=1");
await wsExec("/exec/default/big/nope?command=sh&output=1");
const t5 = performance.now();
const names = Array.from({ length: 30 }, (_, i) => `m${i}`);
await Promise.all(names.map((n) => client.create(Pods, pod(n), s)));
await until("30 pods", async () => (await client.list(Pods, ns, s)).items.every((p) => p.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True")), 60000);
await Promise.all(names.map((n) => client.delete(Pods, { ...ns, name: n }, s, { gracePeriodSeconds: 0 })));
// adoption
const before = (await get("big")).status?.containerStatuses?.[0]?.containerID;
stop!.abort(); await done; console.log("kubelet stopped");
stop = new AbortController(); done = runKubelet(options(), stop!.signal); done.catch((e) => console.log("KUBELET FAILED", e));
await new Promise((r) => setTimeout(r, 1500));
const after = await get("big");
console.log("adopted:", before === after.status?.containerStatuses?.[0]?.containerID, after.status?.containerStatuses?.[0]?.restartCount, await ready("big"));
for (const name of ["plain", "big"]) await client.delete(Pods, { ...ns, name }, s);
await until("all gone", async () => (await client.list(Pods, ns, s)).items.length === 0, 20000);
await new Promise((r) => setTimeout(r, 500));
console.log("left", (await fx.runtime.listPodSandbox({}, s)).length, (await fx.runtime.listContainers({}, s)).length, await readdir(`${fx.folder}/kubelet/pods`), await readdir(`${fx.folder}/logs`));
stop!.abort(); await done;
} finally { stop?.abort(); await new Promise((r) => setTimeout(r, 300)); const m = (await import("./volumes/mounts.ts")); await m.unmountBelow(fx.folder + "/kubelet"); await server.close(); await fx.stop(); }
