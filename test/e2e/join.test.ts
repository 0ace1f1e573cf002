/** Machines that nobody made certificates for join a cluster by token, get their certificates, run pods, and renew what they have. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";
import { JoiningNode } from "./joining-node.ts";

const PROFILE = "e2ejoin";
const WEB = join(import.meta.dirname, "../../examples/web");
const isRoot = process.geteuid?.() === 0;
/** Of client certificates: with the five minutes before their beginning they are renewed within the next minute. */
const LIFE = "90s";

suite("joining", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  const nodes: JoiningNode[] = [];

  before(async () => {
    cluster = await TestCluster.prepare(PROFILE);
    await cluster.k8ts("start", `--extra-config=controller-manager.cluster-signing-duration=${LIFE}`);
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
  });
  after(async () => {
    for (const node of nodes) await node.down();
    await cluster?.destroy();
  });

  /** The flags of the command that `k8ts token create --print-join-command` prints. */
  async function joinFlags(...args: readonly string[]): Promise<readonly string[]> {
    const command = await cluster.k8ts("token", "create", "--print-join-command", ...args);
    const [program, subcommand, ...flags] = command.trim().split(" ");
    assert.deepEqual([program, subcommand], ["k8ts", "agent"]);
    return flags;
  }

  async function up(): Promise<JoiningNode> {
    const node = await JoiningNode.up(cluster, nodes.length);
    nodes.push(node);
    return node;
  }

  /** Somebody vouches for the node's addresses: approves what it has requested. */
  async function approveServing({ name }: JoiningNode): Promise<boolean> {
    const own = `.items[?(@.spec.username=="system:node:${name}")]`;
    const line = '{.metadata.name} {.spec.signerName} {.status.conditions[*].type}{"\\n"}';
    const text = await cluster.kubectl("get", "csr", "-o", `jsonpath={range ${own}}${line}{end}`);
    const pending = text.split("\n").filter((each) => /^\S+ kubernetes\.io\/kubelet-serving *$/.test(each));
    for (const each of pending) await cluster.kubectl("certificate", "approve", each.split(" ")[0]!);
    return pending.length > 0;
  }

  async function runsPods(node: JoiningNode, pod: string): Promise<void> {
    await eventually(
      `Node ${node.name}`,
      async () => (await cluster.tryKubectl(["get", "node", node.name])).code === 0 || undefined,
    ).catch((cause: unknown) => {
      throw new Error(node.log, { cause });
    });
    await cluster.kubectl("wait", "--for=condition=Ready", `node/${node.name}`, "--timeout=60s");
    await eventually(
      "the request of a serving certificate",
      async () => (await approveServing(node)) || undefined,
    );
    await node.takeImage(`k8ts-${PROFILE}`, "docker.io/demo/web:1");
    const overrides = JSON.stringify({ spec: { nodeName: node.name } });
    await cluster.kubectl("run", pod, "--image=demo/web:1", `--overrides=${overrides}`);
    await cluster
      .kubectl("wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s")
      .catch((cause: unknown) => {
        throw new Error(node.log, { cause });
      });
    await eventually("exec", async () => {
      const { code, stdout } = await cluster.tryKubectl(["exec", pod, "--", "echo", "here"]);
      return code === 0 && stdout === "here\n" ? true : undefined;
    });
    assert.equal((await cluster.tryKubectl(["logs", pod])).code, 0);
  }

  for (const { what, args, message } of [
    {
      what: "a token that nobody made",
      args: (flags: readonly string[]) => withFlag(flags, "--token", "abcdef.0123456789abcdef"),
      message: /could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"/,
    },
    {
      what: "a token with another secret",
      args: (flags: readonly string[]) =>
        flags.map((flag) => (flag.startsWith("--token=") ? flag.replace(/\..*/, ".0123456789abcdef") : flag)),
      message: /failed to verify JWS signature of received cluster info object, can't trust this API Server/,
    },
    {
      what: "the hash of another authority",
      args: (flags: readonly string[]) =>
        withFlag(flags, "--discovery-token-ca-cert-hash", `sha256:${"0".repeat(64)}`),
      message: /cluster CA found in cluster-info ConfigMap is invalid: none of the public keys .* are pinned/,
    },
    {
      what: "no hash",
      args: (flags: readonly string[]) => flags.filter((flag) => !flag.includes("ca-cert-hash")),
      message: /using token-based discovery without --discovery-token-ca-cert-hash can be unsafe/,
    },
  ])
    test(`a machine with ${what} is told so in one line, and has nothing`, async () => {
      const node = nodes[0] ?? (await up());
      const flags = args(await joinFlags());
      const { code, stderr } = await node.tryAgent(...flags, "--discovery-timeout=6s");
      assert.equal(code, 1, stderr);
      assert.match(stderr.trim().split("\n").at(-1)!, message);
      assert.deepEqual(existsSync(node.certDir) ? await readdir(node.certDir) : [], []);
      assert.equal((await cluster.tryKubectl(["get", "node", node.name])).code, 1);
    });

  test("a token that has ended is nobody's", async () => {
    const node = nodes[0] ?? (await up());
    const flags = await joinFlags("--ttl=1s");
    const id = /--token=(\w+)\./.exec(flags.join(" "))![1]!;
    await eventually("the end of the token", async () =>
      (await cluster.k8ts("token", "list")).includes(id) ? undefined : true,
    );
    const { code, stderr } = await node.tryAgent(...flags, "--discovery-timeout=6s");
    assert.equal(code, 1, stderr);
    assert.match(stderr.trim().split("\n").at(-1)!, /could not find a JWS signature/);
    assert.deepEqual(existsSync(node.certDir) ? await readdir(node.certDir) : [], []);
  });

  test("a machine joins by the command that was printed, runs pods, and its logs and exec are served", async () => {
    const node = nodes[0] ?? (await up());
    node.startAgent(...(await joinFlags()));
    await runsPods(node, "first");
    const { subject, issuer } = await clientCertificate(node);
    assert.equal(subject, `O=system:nodes\nCN=system:node:${node.name}`);
    assert.equal(issuer, "CN=kubernetes");
    const files = (await readdir(node.certDir)).filter((name) => name.endsWith(".pem"));
    for (const name of files) assert.equal((await stat(join(node.certDir, name))).mode & 0o777, 0o600, name);
    const names = ["kubelet-client", "kubelet-server", "kube-proxy", "coredns"];
    for (const name of names) assert.ok(files.includes(`${name}-current.pem`), name);
  });

  test("CIS 1.1.9-1.1.10 4.1.3-4.1.8 4.2.4 4.3.1 the node's files are its owner's alone, and nothing but the kubelet, DNS and health listens", async () => {
    const node = nodes[0]!;
    const networks = await readdir(node.cniConfDir);
    assert.ok(networks.length > 0);
    for (const name of networks) await owned(join(node.cniConfDir, name), 0o600);
    await owned(node.certDir, 0o700);
    for (const name of await readdir(node.certDir))
      await owned(join(node.certDir, name), name.endsWith(".crt") ? 0o644 : 0o600);
    const { stdout } = await node.run("ss", "-ltnH");
    const listening = stdout.split("\n").flatMap((line) => line.trim().split(/\s+/)[3] ?? []);
    const open = listening.filter((address) => !/^(?:127\.|\[::1\])/.test(address));
    const ports = new Set(open.map((address) => address.replace(/^.*:/, "")));
    assert.ok(ports.has("10250"));
    // kubelet, DNS with its metrics and readiness, and health of kube-proxy
    assert.deepEqual(
      [...ports].filter((port) => !["10250", "10256", "53", "9153", "8181"].includes(port)),
      [],
    );
    for (const address of open.filter((one) => !one.endsWith(":53"))) {
      const url = `http://${address.replace(/^(?:0\.0\.0\.0|\*)/, "127.0.0.1")}/metrics`;
      const { code } = await node.run("curl", "-s", "-m", "5", url);
      assert.notEqual(code, 0, `${url} answers without TLS`);
    }
  });

  test("its client certificate is renewed before it ends, and the node goes on", async () => {
    const node = nodes[0]!;
    const { serialNumber } = await clientCertificate(node);
    await eventually(
      "the next certificate",
      async () => ((await clientCertificate(node)).serialNumber === serialNumber ? undefined : true),
      180_000,
    );
    const metrics = await cluster.kubectl("get", "--raw", `/api/v1/nodes/${node.name}/proxy/metrics`);
    const value = (name: string): number =>
      Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1] ?? "NaN");
    assert.ok(value("kubelet_certificate_manager_client_ttl_seconds") <= 90);
    assert.ok(value("kubelet_certificate_manager_client_ttl_seconds") > -1);
    assert.ok(value("kubelet_certificate_manager_server_ttl_seconds") <= 90);
    assert.equal(value("kubelet_certificate_manager_client_expiration_renew_errors"), 0);
    assert.equal(value("kubelet_server_expiration_renew_errors"), 0);
    const ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
    assert.equal(await cluster.kubectl("get", "node", node.name, "-o", ready), "True");
  });

  test("the same command line starts it again, when the token is gone", async () => {
    const node = nodes[0]!;
    await node.stopAgent();
    const flags = await joinFlags();
    const id = /--token=(\w+)\./.exec(flags.join(" "))![1]!;
    await cluster.k8ts("token", "delete", id);
    node.startAgent(...flags);
    await eventually(
      "exec after the start",
      async () => {
        await approveServing(node); // its last one may have ended meanwhile
        const { code } = await cluster.tryKubectl(["exec", "first", "--", "true"]);
        return code === 0 ? true : undefined;
      },
      150_000,
    );
  });

  /** Server, authority and token in one file, and the flags that say the rest. */
  async function bootstrapFile(
    flags: readonly string[],
    token: string,
  ): Promise<{ readonly file: string; readonly network: readonly string[] }> {
    const ca = await readFile(join(cluster.home, "profiles", PROFILE, "pki/ca.crt"));
    const at = { server: flagOf(flags, "server"), "certificate-authority-data": ca.toString("base64") };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: at }],
      users: [{ name: "u", user: { token } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    const file = join(cluster.home, "bootstrap.json");
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    return { file, network: flags.filter((flag) => /^--(?:cluster|service)-/.test(flag)) };
  }

  test("a machine with a bootstrap kubeconfig whose token is nobody's is told so, and has nothing", async () => {
    const node = nodes[1] ?? (await up());
    const { file, network } = await bootstrapFile(await joinFlags(), "abcdef.0123456789abcdef");
    const { code, stderr } = await node.tryAgent(`--bootstrap-kubeconfig=${file}`, ...network);
    assert.equal(code, 1, stderr);
    assert.match(
      stderr.trim().split("\n").at(-1)!,
      /cannot create certificate signing request: .*Unauthorized/,
    );
    assert.deepEqual(await readdir(node.certDir), []);
  });

  test("a machine joins with a bootstrap kubeconfig", async () => {
    const node = nodes[1] ?? (await up());
    const flags = await joinFlags();
    const { file, network } = await bootstrapFile(flags, flagOf(flags, "token"));
    node.startAgent(`--bootstrap-kubeconfig=${file}`, ...network);
    await runsPods(node, "second");
    assert.match((await clientCertificate(node)).subject, new RegExp(`CN=system:node:${node.name}`));
    await cluster.kubectl("delete", "pod", "first", "second", "--wait");
  });
});

function flagOf(flags: readonly string[], name: string): string {
  return flags.find((flag) => flag.startsWith(`--${name}=`))!.slice(name.length + 3);
}

function withFlag(flags: readonly string[], name: string, value: string): readonly string[] {
  return flags.map((flag) => (flag.startsWith(`${name}=`) ? `${name}=${value}` : flag));
}

async function clientCertificate({ certDir }: JoiningNode): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(certDir, "kubelet-client-current.pem"), "utf8"));
}

/** No bit beyond `max`, and root's. */
async function owned(path: string, max: number): Promise<void> {
  const { mode, uid, gid } = await stat(path);
  assert.equal(mode & 0o777 & ~max, 0, `${path} is ${(mode & 0o777).toString(8)}`);
  assert.deepEqual([uid, gid], [0, 0], path);
}
