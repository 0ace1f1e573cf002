import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { request as httpsRequest } from "node:https";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { silentLogger, systemClock, type Kind } from "#apimachinery";
import type { Client } from "#client";
import {
  createSubordinateAuthority,
  issueCertificate,
  loadCertificateAuthority,
  type SubordinateOptions,
} from "#component-base/pki";
import { createSimulatedRuntime, RuntimeError, type Runtime } from "#cri";
import { NODE_START_MS, testContainer, testPod, testRuntimePod } from "../container/testing.ts";
import { simulatedPlatform } from "../platform/simulated.ts";
import type { ServerHost } from "./server-host.ts";
import { newAuthenticator } from "./authenticate.ts";
import { newAuthorizer } from "./authorize.ts";
import { ProbeMetrics } from "../prober/probe-metrics.ts";
import { FsStats } from "../stats/fs-stats.ts";
import { KubeletMetrics } from "../metrics/kubelet-metrics.ts";
import { startServer } from "./server.ts";

const run = promisify(execFile);
const skip = await run("openssl", ["version"]).then(
  () => false,
  () => "needs openssl to make certificates",
);

interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Answers an upgrade by saying what was asked, then echoes. */
function streamingServer(): Server {
  return createServer().on("upgrade", (request, socket) => {
    bodyHeaders = Object.keys(request.headers).filter((name) => /^(transfer-encoding|content-)/u.test(name));
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
    socket.write(`${request.method} ${request.url} ${String(request.headers["x-test"])}\n`);
    socket.pipe(socket);
  });
}

const DAY_MS = 86_400_000;
const stop = new AbortController();
const streaming = streamingServer();
let folder = "";
let ca = "";
let port = 0;
const identities: Record<string, Identity> = {};
const asked: unknown[] = [];
let refusal: RuntimeError | undefined;
/** That the runtime's streaming server was told of. */
let bodyHeaders: readonly string[] = [];

function at(file: string): string {
  return join(folder, file);
}

async function issue(name: string, subject: string): Promise<void> {
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    at(`${name}.key`),
  ];
  if (name === "ca") {
    await run("openssl", ["req", "-x509", ...key, "-out", at("ca.crt"), "-subj", subject, "-days", "2"]);
    return;
  }
  await run("openssl", ["req", ...key, "-out", at(`${name}.csr`), "-subj", subject]);
  const signed = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2"];
  const extensions = ["-extfile", at("extensions")];
  await run("openssl", [
    "x509",
    "-req",
    "-in",
    at(`${name}.csr`),
    ...signed,
    ...extensions,
    "-out",
    at(`${name}.crt`),
  ]);
  const [cert, privateKey] = await Promise.all([
    readFile(at(`${name}.crt`), "utf8"),
    readFile(at(`${name}.key`), "utf8"),
  ]);
  identities[name] = { cert, key: privateKey };
}

/** An administrator by an authority below the cluster's; the authorities are shown unless told otherwise. */
async function issueBelow(
  name: string,
  options: Partial<SubordinateOptions>,
  isShown = true,
  authorities = 1,
): Promise<void> {
  const own = { certificatePem: ca, privateKeyPem: await readFile(at("ca.key"), "utf8") };
  let last = await loadCertificateAuthority(own);
  const chain: string[] = [];
  for (let made = 0; made < authorities; made += 1) {
    const below = { validityMs: DAY_MS, ...options };
    last = await createSubordinateAuthority(last, `below-${made}`, below, systemClock);
    chain.unshift(last.certificatePem);
  }
  const { subjectName, publicKey } = last.certificate;
  const notAfter = new Date(systemClock.now() + DAY_MS);
  const lasting = { ...last, certificate: { subjectName, publicKey, notAfter } as typeof last.certificate };
  const subject = { commonName: name, organizations: ["system:masters"], usages: ["client"] as const };
  const { certificatePem, privateKeyPem: key } = await issueCertificate(lasting, subject, systemClock);
  identities[name] = { cert: [certificatePem, ...(isShown ? chain : [])].join(""), key };
}

const pod = testPod({ containers: ["c", "done", "again"].map((name) => testContainer(name)) });

/** What the API server says of tokens and permissions, and how often it was asked. */
const reviews = { tokens: 0, access: [] as string[] };

function reviewed(kind: Kind, object: { readonly spec: Record<string, unknown> }): Promise<unknown> {
  if (kind.kind === "TokenReview") {
    reviews.tokens++;
    const authenticated = object.spec["token"] === "monitor";
    const user = { username: "system:serviceaccount:m:monitor", groups: ["system:serviceaccounts"] };
    return Promise.resolve({ ...object, status: { authenticated, ...(authenticated && { user }) } });
  }
  const { user, groups, resourceAttributes } = object.spec as {
    readonly user: string;
    readonly groups: readonly string[];
    readonly resourceAttributes: Readonly<Record<string, string>>;
  };
  const { verb, resource, subresource, name } = resourceAttributes;
  reviews.access.push(`${user} ${verb} ${resource}/${subresource} ${name}`);
  const mayAll = groups.includes("system:masters");
  const allowed = mayAll || (user.endsWith(":monitor") && ["metrics", "healthz"].includes(subresource!));
  return Promise.resolve({ ...object, status: { allowed } });
}

/** A node with one pod whose streams all go to `streaming`. */
function serverHost(): ServerHost {
  const url = `http://127.0.0.1:${(streaming.address() as AddressInfo).port}/stream/1`;
  const answer = async (request: unknown): Promise<{ readonly url: string }> => {
    if (refusal !== undefined) throw refusal;
    asked.push(request);
    return { url };
  };
  const runtime: Runtime = {
    ...createSimulatedRuntime({ clock: systemClock }),
    exec: answer,
    attach: answer,
    portForward: answer,
  };
  const runtimePod = testRuntimePod(["c=running", "done=exited", "again=created@1", "again=exited"]);
  const logPath = join(folder, "0.log");
  const shown = { ...runtimePod, containers: runtimePod.containers.map((c) => ({ ...c, logPath })) };
  return {
    certificateMetrics: undefined,
    nodeName: "n1",
    rootDir: folder,
    nodeLogs: { clock: systemClock, dir: folder, isEnabled: true, isQueryEnabled: true },
    configuration: { maxPods: 110 },
    clock: { ...systemClock, now: () => NODE_START_MS },
    logger: silentLogger,
    runtime,
    platform: simulatedPlatform(),
    fs: new FsStats({
      clock: systemClock,
      logger: silentLogger,
      runtime,
      platform: simulatedPlatform(),
      paths: { rootDir: folder, podLogsDir: folder },
      volumes: { of: async () => new Map() },
      pods: () => [pod],
    }),
    metrics: new KubeletMetrics(),
    probeMetrics: new ProbeMetrics(),
    activePods: () => [pod],
    pods: () => [pod],
    podNamed: (namespace, name) => (namespace === "default" && name === "web" ? pod : undefined),
    runtimePods: () => [shown],
    runtimePod: () => shown,
    isHealthy: () => true,
  };
}

before(async () => {
  if (skip !== false) return;
  folder = await mkdtemp(join(tmpdir(), "k8ts-kubelet-server-"));
  await writeFile(join(folder, "extensions"), "subjectAltName=IP:127.0.0.1\n");
  await issue("ca", "/CN=ca");
  ca = await readFile(join(folder, "ca.crt"), "utf8");
  await issue("server", "/CN=n1");
  await issue("admin", "/O=system:masters/CN=admin");
  await issue("node", "/O=system:nodes/CN=system:node:n2");
  await issueBelow("chained", {});
  await issueBelow("unchained", {}, false);
  await issueBelow("by-no-authority", { isCa: false });
  await issueBelow("too-long", { pathLength: 0 }, true, 2);
  await issueBelow("expired", { validityMs: -1000 });
  await writeFile(join(folder, "0.log"), "2026-01-01T00:00:00Z stdout F hello\n");
  await new Promise<void>((resolve) => streaming.listen(0, "127.0.0.1", resolve));
  const host = serverHost();
  const options = { host: "127.0.0.1", port: 0, ...identities["server"]!, clientCA: ca };
  const client = { create: reviewed } as unknown as Client;
  const auth = {
    authenticate: newAuthenticator(client, systemClock),
    authorize: newAuthorizer(client, "n1", systemClock),
  };
  ({ port } = await startServer(host, options, auth, stop.signal));
});
after(async () => {
  if (skip !== false) return;
  stop.abort();
  streaming.close();
  await rm(folder, { recursive: true });
});

function get(path: string, who?: string, token?: string, method = "GET"): Promise<string> {
  return new Promise((resolve, reject) => {
    const identity = who === undefined ? {} : identities[who]!;
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port,
        path,
        ca,
        method,
        ...identity,
        agent: false,
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve(`${response.statusCode} ${text.trim()}`));
      },
    );
    request.on("error", reject);
    request.end();
  });
}

const CHAINS: Readonly<Record<string, number>> = {
  chained: 200,
  unchained: 401,
  "by-no-authority": 401,
  "too-long": 401,
  expired: 401,
};
for (const [name, status] of Object.entries(CHAINS)) {
  test(`startServer answers a client whose certificate is ${name} with ${status}`, { skip }, async () => {
    assert.equal((await get("/pods", name)).split(" ")[0], String(status));
  });
}

function upgrade(path: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { connection: "Upgrade", upgrade: "echo", "x-test": "kept", ...more };
    const identity = identities["admin"]!;
    const options = {
      host: "127.0.0.1",
      port,
      path,
      ca,
      method: "POST",
      headers,
      ...identity,
      agent: false as const,
    };
    const request = httpsRequest(options, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(`${response.statusCode} ${text.trim()}`));
    });
    request.on("upgrade", (_, socket, head) => {
      let text = head.toString();
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes("ping\n")) socket.end();
      });
      socket.on("close", () => resolve(text.trim()));
      socket.write("ping\n");
    });
    request.on("error", reject);
    request.end();
  });
}

const answers: readonly (readonly [string, string | undefined, RegExp])[] = [
  ["/pods", undefined, /^401 Unauthorized$/u],
  [
    "/pods",
    "node",
    /^403 Forbidden \(user=system:node:n2, verb=get, resource=nodes, subresource\(s\)=\[pods proxy\]\)$/u,
  ],
  ["/stats/../pods", "node", /subresource\(s\)=\[pods proxy\]/u],
  ["/healthz/%2e%2e/exec/default/web/c", "node", /subresource\(s\)=\[proxy\]/u],
  ["//metrics", "node", /subresource\(s\)=\[metrics\]/u],
  ["/pods", "admin", /^200 \{"apiVersion":"v1","kind":"PodList"/u],
  ["/healthz", "admin", /^200 ok$/u],
  ["/runningpods", "admin", /"name":"web"/u],
  ["/metrics", "admin", /kubelet_running_pods 1/u],
  ["/stats/summary", "admin", /"nodeName":"n1"/u],
  ["/containerLogs/default/web/c", "admin", /^200 hello$/u],
  ["/containerLogs/default/web/done", "admin", /^200 hello$/u],
  ["/containerLogs/default/web/again", "admin", /^200 hello$/u],
  ["/containerLogs/default/web/x", "admin", /^404 container "x" not found in pod "web"$/u],
  ["/containerLogs/default/x/c", "admin", /^404 pod does not exist$/u],
  [
    "/containerLogs/default/web/c?previous=true",
    "admin",
    /^400 previous terminated container "c" in pod "web" not found$/u,
  ],
  ["/exec/default/web/c?command=ls&output=1", "admin", /^400 Upgrade request required$/u],
  ["/other", "admin", /^404/u],
  ["/configz", "admin", /^200 \{"kubeletconfig":\{"maxPods":110\}\}$/u],
  ["/logs/", "admin", /<a href="0.log">0.log<\/a>/u],
  ["/logs/0.log", "admin", /^200 2026.*hello$/u],
  ["/logs/none.log", "admin", /^404/u],
  ["/logs/?query=0.log", "admin", /^200 2026.*hello$/u],
  ["/logs/?query=", "admin", /^400 query: Invalid value: .*query cannot be empty$/u],
  [
    "/logs/?query=a&tailLines=-1",
    "admin",
    /^400 tailLines: Invalid value: -1: must be between 0 and 100000/u,
  ],
  ["/logs/?query=a%3Bb", "admin", /^400 query: .*input contains unsupported characters$/u],
  ["/logs/x?query=a", "admin", /^406 path not allowed in query mode$/u],
  ["/checkpoint/default/web/c", "admin", /^405/u],
];
for (const [path, who, want] of answers) {
  test(`startServer answers ${path} to ${who ?? "nobody"}`, { skip }, async () =>
    assert.match(await get(path, who), want),
  );
}

const checkpoints: readonly (readonly [string, RegExp])[] = [
  ["default/x/c", /^404 pod does not exist$/u],
  ["default/web/x", /^404 container x does not exist$/u],
  ["default/web/c?timeout=x", /^404 cannot parse value of timeout parameter$/u],
  [
    "default/web/c",
    /^500 checkpointing of default\/web\/c failed \(rpc error: code = Unimplemented desc = unknown method/u,
  ],
];
for (const [path, want] of checkpoints) {
  test(`startServer answers a wish for a checkpoint of ${path}`, { skip }, async () =>
    assert.match(await get(`/checkpoint/${path}`, "admin", undefined, "POST"), want),
  );
}

test("startServer asks the API server about tokens and permissions, once", { skip }, async () => {
  reviews.tokens = 0;
  reviews.access.length = 0;
  assert.match(await get("/metrics", undefined, "monitor"), /^200 /u);
  assert.match(await get("/healthz", undefined, "monitor"), /^200 ok/u);
  assert.match(await get("/metrics/resource", undefined, "monitor"), /^200 /u);
  assert.match(
    await get("/pods", undefined, "monitor"),
    /^403 Forbidden \(user=system:serviceaccount:m:monitor/u,
  );
  assert.match(await get("/metrics", undefined, "stranger"), /^401 Unauthorized$/u);
  assert.equal(reviews.tokens, 2);
  const who = "system:serviceaccount:m:monitor get";
  assert.deepEqual(
    reviews.access,
    ["metrics", "healthz", "pods", "proxy"].map((part) => `${who} nodes/${part} n1`),
  );
});

test("startServer joins exec with the runtime's streaming server", { skip }, async () => {
  asked.length = 0;
  const text = await upgrade("/exec/default/web/c?command=ls&command=-l&output=1&input=1");
  assert.equal(text, "POST /stream/1 kept\nping");
  assert.deepEqual(asked, [
    { containerId: "c0", tty: false, stdin: true, stdout: true, stderr: false, cmd: ["ls", "-l"] },
  ]);
});

test(
  "startServer tells the streaming server of no body: some wait for it before they upgrade",
  { skip },
  async () => {
    await upgrade("/exec/default/web/c?command=ls&output=1", { "transfer-encoding": "chunked" });
    assert.deepEqual(bodyHeaders, []);
    await upgrade("/exec/default/web/c?command=ls&output=1", { "content-length": "0" });
    assert.deepEqual(bodyHeaders, []);
  },
);

test("startServer forwards ports to the pod's sandbox", { skip }, async () => {
  asked.length = 0;
  assert.match(await upgrade("/portForward/default/web?port=80,81"), /ping$/u);
  assert.deepEqual(asked, [{ podSandboxId: "s", port: [80, 81] }]);
});

test(
  "startServer refuses streams to what does not run, in words that send kubectl to the log",
  { skip },
  async () => {
    assert.match(
      await upgrade("/exec/default/web/x?command=ls&output=1"),
      /^500 container not found \("x"\)/u,
    );
    const attach = await upgrade("/attach/default/web/done?output=1");
    assert.equal(attach, "500 container done not found in pod web_default");
    assert.match(await upgrade("/exec/default/web/c?command=ls"), /^400 you must specify at least 1 of/u);
  },
);

test("startServer hands on why the runtime refuses a stream", { skip }, async () => {
  refusal = new RuntimeError("Unknown", "container is in CONTAINER_EXITED state");
  const text = await upgrade("/attach/default/web/c?output=1");
  assert.equal(text, "500 rpc error: code = Unknown desc = container is in CONTAINER_EXITED state");
  refusal = new RuntimeError("NotFound", "no such container");
  assert.match(await upgrade("/attach/default/web/c?output=1"), /^404 /u);
  refusal = undefined;
});
