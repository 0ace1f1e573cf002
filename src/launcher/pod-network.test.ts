import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { profilePaths } from "./paths.ts";
import { networkHints, podNetworkOf, templateFor } from "./pod-network.ts";
import { newTestEnv, testProfile } from "./test-env.ts";

const LIST = {
  cniVersion: "0.4.0",
  name: "mine",
  plugins: [{ type: "ptp", ipam: { type: "host-local", subnet: "{{.PodCIDR}}" } }, { type: "portmap" }],
};

test("podNetworkOf() takes minikube's words for the network that is built in, and for none", async () => {
  for (const choice of ["k8ts", "auto"]) assert.equal(await podNetworkOf(choice), undefined);
  for (const choice of ["none", "false"]) assert.deepEqual(await podNetworkOf(choice), {});
});

test("podNetworkOf() takes a configuration whose programs are there, and a template that is no JSON yet", async () => {
  await using given = await newTestEnv();
  const { write, binDir } = await files(given.env.home, ["ptp", "host-local", "portmap"]);
  const text = JSON.stringify(LIST);
  assert.deepEqual(await podNetworkOf(await write(text), binDir), { template: text });
  const loop = '{"name":"mine","plugins":[{{range .PodCIDRRanges}}{"subnet":"{{.}}"}{{end}}]}';
  assert.deepEqual(await podNetworkOf(await write(loop), binDir), { template: loop });
});

test("podNetworkOf() says in a line what is wrong with a choice", async () => {
  await using given = await newTestEnv();
  const { write, binDir } = await files(given.env.home, ["ptp", "host-local"]);
  await assert.rejects(podNetworkOf("calico", binDir), { id: "CNI_INVALID", message: /no network "calico"/ });
  for (const [text, message] of [
    ["kind: DaemonSet\n", /is not JSON/],
    [JSON.stringify({ name: "mine", type: "ptp" }), /is not a list: it has no "plugins"/],
    [JSON.stringify({ ...LIST, name: "" }), /has no name/],
    [" ".repeat(65_537), /has over 65536 characters/],
  ] as const)
    await assert.rejects(podNetworkOf(await write(text), binDir), {
      id: "CNI_INVALID",
      exitCode: 64,
      message,
    });
  await assert.rejects(podNetworkOf(await write(JSON.stringify(LIST)), binDir), {
    id: "CNI_PLUGIN_MISSING",
    message: `the network plugin portmap is not in ${binDir}`,
  });
});

test("templateFor() gives host-local a folder of the node, unless it has one", () => {
  const template = JSON.stringify(LIST);
  const { plugins } = JSON.parse(templateFor({ template }, "/node/data")) as typeof LIST;
  assert.deepEqual(plugins[0]!.ipam, { ...LIST.plugins[0]!.ipam, dataDir: "/node/data" });
  const own = template.replace('"host-local"', '"host-local","dataDir":"/own"');
  assert.equal(templateFor({ template: own }, "/node/data"), own);
});

test("networkHints() says where a configuration is missing, if it is the user's to bring", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  const bare = testProfile(env, { podNetwork: {} });
  const dir = profilePaths(env, bare.name).node("k8ts-test").cniConf;
  assert.deepEqual(networkHints(env, bare, bare.nodes), [
    `k8ts-test is Ready once a CNI configuration is in ${dir}`,
  ]);
  for (const profile of [testProfile(env), testProfile(env, { podNetwork: { template: "{}" } })])
    assert.deepEqual(networkHints(env, profile, profile.nodes), []);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "10-mine.conflist"), "{}");
  assert.deepEqual(networkHints(env, bare, bare.nodes), []);
});

/** A folder with programs of these names, and a file beside it. */
async function files(
  dir: string,
  programs: readonly string[],
): Promise<{ readonly binDir: string; readonly write: (text: string) => Promise<string> }> {
  const binDir = join(dir, "bin");
  await mkdir(binDir, { recursive: true });
  for (const name of programs) await writeFile(join(binDir, name), "", { mode: 0o755 });
  return {
    binDir,
    write: async (text) => {
      await writeFile(join(dir, "net.conflist"), text);
      return join(dir, "net.conflist");
    },
  };
}
