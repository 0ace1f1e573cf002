import assert from "node:assert/strict";
import { lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { inspect } from "node:util";
import { load } from "js-yaml";
import { inClusterConfig } from "./in-cluster.ts";
import { clientConfigOf, kubeconfigPaths, loadKubeconfig, parseKubeconfig } from "./kubeconfig.ts";
import { mergeContext, removeContext, setCurrentContext } from "./kubeconfig-write.ts";

const signal = AbortSignal.timeout(60_000);
let directory: string;
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), "k8ts-kubeconfig-"))));
afterEach(() => rm(directory, { recursive: true }));

const FIRST = `
apiVersion: v1
kind: Config
current-context: ""
clusters:
- name: one
  cluster: { server: "https://one:6443", certificate-authority: pki/ca.crt }
users:
- name: jane
  user: { client-certificate-data: Y2VydA==, client-key-data: a2V5 }
contexts:
- name: c1
  context: { cluster: one, user: jane, namespace: web }
`;
const SECOND = `
apiVersion: v1
kind: Config
current-context: c1
clusters:
- name: one
  cluster: { server: "https://ignored" }
- name: two
  cluster: { server: "https://two", insecure-skip-tls-verify: true, tls-server-name: real }
users:
- name: bob
  user:
    tokenFile: /tokens/bob
    as: root
    as-groups: [admins]
contexts:
- name: c2
  context: { cluster: two, user: bob }
`;

async function twoFiles(): Promise<string> {
  await mkdir(join(directory, "a"));
  await writeFile(join(directory, "a", "config"), FIRST);
  await writeFile(join(directory, "second"), SECOND);
  return [join(directory, "a", "config"), join(directory, "missing"), join(directory, "second")].join(":");
}

test("kubeconfigPaths() prefers the flag, then KUBECONFIG, then the home directory", () => {
  const homeDir = "/home/jane";
  assert.deepEqual(kubeconfigPaths({ env: {}, homeDir }), ["/home/jane/.kube/config"]);
  assert.deepEqual(kubeconfigPaths({ env: { KUBECONFIG: "/a::/b:/a" }, homeDir }), ["/a", "/b"]);
  assert.deepEqual(kubeconfigPaths({ env: { KUBECONFIG: "/a" }, homeDir, explicitPath: "/x" }), ["/x"]);
});

test("loadKubeconfig() merges files: the first to set a value wins, and paths are relative to their file", async () => {
  const config = await loadKubeconfig({ env: { KUBECONFIG: await twoFiles() }, homeDir: directory });
  assert.equal(config.currentContext, "c1");
  assert.deepEqual(clientConfigOf(config, {}), {
    server: "https://one:6443",
    ca: { file: join(directory, "a", "pki", "ca.crt") },
    clientCertificate: { cert: Buffer.from("cert"), key: Buffer.from("key") },
    namespace: "web",
  });
  assert.deepEqual(clientConfigOf(config, {}, { context: "c2", namespace: "x" }), {
    server: "https://two",
    tlsServerName: "real",
    insecureSkipTlsVerify: true,
    tokenFile: "/tokens/bob",
    impersonate: { userName: "root", groups: ["admins"] },
    namespace: "x",
  });
});

test("loadKubeconfig() takes missing files as empty, but not an explicit one", async () => {
  const homeDir = directory;
  const config = await loadKubeconfig({ env: {}, homeDir });
  assert.throws(() => clientConfigOf(config, {}), /no configuration has been provided/);
  await assert.rejects(
    loadKubeconfig({ env: {}, homeDir, explicitPath: join(directory, "no") }),
    /Failed to read/,
  );
});

test("clientConfigOf() says what is missing", async () => {
  const config = await loadKubeconfig({ env: { KUBECONFIG: await twoFiles() }, homeDir: directory });
  assert.throws(() => clientConfigOf(config, {}, { context: "no" }), /context "no" does not exist/);
  assert.throws(() => clientConfigOf(config, {}, { cluster: "no" }), /cluster "no" does not exist/);
  assert.throws(() => clientConfigOf(config, {}, { user: "no" }), /auth info "no" does not exist/);
});

test("mergeContext() adds a context to a new file that only its owner reads", async () => {
  const file = join(directory, "sub", "config");
  await mergeContext(file, entry("k8ts"), signal);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const config = await loadKubeconfig({ env: {}, homeDir: directory, explicitPath: file });
  assert.equal(clientConfigOf(config, {}).server, "https://k8ts:6443");
  await removeContext(file, "k8ts", signal);
  assert.deepEqual(load(await readFile(file, "utf8")), {
    apiVersion: "v1",
    kind: "Config",
    clusters: [],
    contexts: [],
    users: [],
    "current-context": "",
  });
});

test("mergeContext() keeps the namespace that somebody has set for the context", async () => {
  const file = join(directory, "config");
  await mergeContext(file, { ...entry("k8ts"), namespace: "shop" }, signal);
  await mergeContext(file, entry("k8ts"), signal);
  const config = await loadKubeconfig({ env: {}, homeDir: directory, explicitPath: file });
  assert.equal(clientConfigOf(config, {}).namespace, "shop");
});

test("removeContext() undoes mergeContext(), whatever else is in the file", async () => {
  const file = join(directory, "config");
  await writeFile(file, `${SECOND}\npreferences: { colors: true }\n`, { mode: 0o640 });
  await setCurrentContext(file, "c2", signal);
  const before = load(await readFile(file, "utf8"));
  await mergeContext(file, entry("k8ts"), signal);
  await mergeContext(file, entry("k8ts"), signal);
  const config = await loadKubeconfig({ env: {}, homeDir: directory, explicitPath: file });
  assert.equal(config.currentContext, "k8ts");
  await removeContext(file, "k8ts", signal);
  assert.deepEqual(load(await readFile(file, "utf8")), before);
  assert.equal((await stat(file)).mode & 0o777, 0o640);
});

test("removeContext() keeps a current context that the user chose since, and what others still use", async () => {
  const file = join(directory, "config");
  await writeFile(file, SECOND);
  await mergeContext(file, entry("k8ts"), signal);
  await setCurrentContext(file, "c2", signal);
  await removeContext(file, "k8ts", signal);
  assert.equal((load(await readFile(file, "utf8")) as Record<string, unknown>)["current-context"], "c2");
  await assert.rejects(setCurrentContext(file, "k8ts", signal), /no context exists with the name: "k8ts"/);
});

test("mergeContext() follows a symbolic link, leaves no lock, and touches no file it cannot read", async () => {
  const target = join(directory, "target");
  const link = join(directory, "link");
  await writeFile(target, SECOND);
  await symlink(target, link);
  await mergeContext(link, entry("k8ts"), signal, { setCurrent: false });
  assert((await lstat(link)).isSymbolicLink());
  assert.match(await readFile(target, "utf8"), /current-context: c1/);
  await assert.rejects(stat(`${target}.lock`), { code: "ENOENT" });
  await writeFile(target, "- a list\n");
  await assert.rejects(mergeContext(link, entry("k8ts"), signal), /no mapping/);
  assert.equal(await readFile(target, "utf8"), "- a list\n");
});

test("mergeContext() of many at the same time loses none", async () => {
  const file = join(directory, "config");
  const names = Array.from({ length: 8 }, (_, i) => `k8ts-${i}`);
  await Promise.all(names.map((name) => mergeContext(file, entry(name), signal)));
  const config = await loadKubeconfig({ env: {}, homeDir: directory, explicitPath: file });
  assert.deepEqual([...config.contexts.keys()].toSorted(), names);
});

test("parseKubeconfig() and mergeContext() tell of a broken file without what is secret in it", async () => {
  const file = join(directory, "config");
  const text = 'users:\n- name: a\n  user:\n    token: hunter2\n   password: "hunter2"\n';
  await writeFile(file, text);
  for (const failing of [() => parseKubeconfig(text, file), () => mergeContext(file, entry("k8ts"), signal)])
    await assert.rejects(failing, (err) => {
      assert.match((err as Error).message, /^Failed to parse kubeconfig \S+: yaml: line 5: /);
      assert.doesNotMatch(inspect(err, { depth: Infinity }), /hunter2/);
      return true;
    });
});

test("inClusterConfig() reads what kubelet gives every pod, and throws elsewhere", async () => {
  await writeFile(join(directory, "namespace"), "web\n");
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  assert.deepEqual(await inClusterConfig(env, directory), {
    server: "https://[fd00::1]:443",
    ca: { file: join(directory, "ca.crt") },
    tokenFile: join(directory, "token"),
    namespace: "web",
  });
  await assert.rejects(inClusterConfig({}, directory), /unable to load in-cluster configuration/);
});

function entry(name: string) {
  return {
    name,
    cluster: { server: `https://${name}:6443`, "certificate-authority-data": "Y2E=" },
    user: { "client-certificate-data": "Y2VydA==", "client-key-data": "a2V5" },
  };
}
