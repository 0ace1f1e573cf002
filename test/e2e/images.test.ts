/** Images from a real registry: pull policies, what a failed pull says, credentials. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, eventually } from "./harness.ts";
import { PASSWORD, Registry, USER } from "./registry.ts";

const WEB = join(import.meta.dirname, "../../examples/web");

suite("images", { skip: whySkip() }, () => {
  let cluster: TestCluster;
  let open: Registry;
  let locked: Registry;
  let image = "";

  before(async () => {
    cluster = await TestCluster.prepare("e2eimages");
    await cluster.k8ts("start");
    const gateway = (await cluster.k8ts("ip")).trim().replace(/\.\d+$/, ".1");
    const addresses = [`${gateway}:5000`, `${gateway}:5001`];
    // a cluster that runs learns of registries too
    await cluster.k8ts("start", ...addresses.map((address) => `--insecure-registry=${address}`));
    open = await Registry.start({ address: addresses[0]! });
    locked = await Registry.start({ address: addresses[1]!, isPrivate: true });
    image = await open.push(WEB, "demo/web:1");
  });
  after(async () => {
    await open?.stop();
    await locked?.stop();
    await cluster?.destroy();
  });

  test("a pod's image is pulled, and the events say so", async () => {
    await run("first", image, "IfNotPresent");
    assert.equal(await versionIn("first"), "1");
    await shows("first", `Pulling image "${image}"`, `Successfully pulled image "${image}" in `);
    assert.match(await status("first", "imageID"), /^192\.168\.\d+\.1:5000\/demo\/web@sha256:[0-9a-f]{64}$/);
  });

  test("IfNotPresent and Never take the image that is here, Always asks the registry", async () => {
    await open.push(WEB, "demo/web:1", { VERSION: "2" });
    await run("present", image, "IfNotPresent");
    await run("never", image, "Never");
    assert.equal(await versionIn("present"), "1");
    assert.equal(await versionIn("never"), "1");
    await shows("present", `Container image "${image}" already present on machine`);
    await run("always", image, "Always");
    assert.equal(await versionIn("always"), "2");
  });

  test("Never without the image is ErrImageNeverPull", async () => {
    const reference = `${open.address}/demo/nobody:1`;
    await cluster.kubectl("run", "never-here", `--image=${reference}`, "--image-pull-policy=Never");
    await waiting("never-here", "ErrImageNeverPull");
    await shows("never-here", `Container image "${reference}" is not present with pull policy of Never`);
  });

  test("a missing tag is ErrImagePull, then ImagePullBackOff, with the registry's words; once it is there the pod runs", async () => {
    const missing = `${open.address}/demo/web:missing`;
    await cluster.kubectl("run", "missing", `--image=${missing}`);
    await waiting("missing", "ErrImagePull");
    await waiting("missing", "ImagePullBackOff");
    await shows(
      "missing",
      `Failed to pull image "${missing}"`,
      `${missing}: not found`,
      `Back-off pulling image "${missing}"`,
      "Error: ErrImagePull",
    );
    await open.push(WEB, "demo/web:missing");
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/missing", "--timeout=60s");
  });

  test("a private registry wants imagePullSecrets", async () => {
    const reference = await locked.push(WEB, "team/web:1", { VERSION: "private" });
    await cluster.kubectl("run", "anonymous", `--image=${reference}`);
    await waiting("anonymous", "ErrImagePull", "ImagePullBackOff");
    await shows("anonymous", "401 Unauthorized");
    const account = [`--docker-server=${locked.address}`, `--docker-username=${USER}`];
    const secret = ["create", "secret", "docker-registry"];
    await cluster.kubectl(...secret, "wrong", ...account, "--docker-password=guess");
    await cluster.kubectl(...secret, "right", ...account, `--docker-password=${PASSWORD}`);
    await cluster.apply(podWithSecret("refused", reference, "wrong"));
    await cluster.apply(podWithSecret("admitted", reference, "right"));
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/admitted", "--timeout=60s");
    assert.equal(await versionIn("admitted"), "private");
    await waiting("refused", "ErrImagePull", "ImagePullBackOff");
  });

  test("imagePullSecrets of the service account count for its pods", async () => {
    await cluster.kubectl("create", "serviceaccount", "puller");
    await cluster.kubectl("patch", "sa", "puller", "-p", '{"imagePullSecrets":[{"name":"right"}]}');
    const reference = await locked.push(WEB, "team/web:2", { VERSION: "by-account" });
    const overrides = JSON.stringify({ spec: { serviceAccountName: "puller" } });
    await run("by-account", reference, "Always", `--overrides=${overrides}`);
    assert.equal(await versionIn("by-account"), "by-account");
  });

  test("a registry that is away: the reason is in describe, and pods whose image is here start", async () => {
    await open.stop();
    await cluster.kubectl("run", "away", `--image=${image}`, "--image-pull-policy=Always");
    await waiting("away", "ErrImagePull", "ImagePullBackOff");
    await shows("away", "connection refused");
    await run("still-here", image, "IfNotPresent");
  });

  async function run(name: string, reference: string, policy: string, ...more: string[]): Promise<void> {
    await cluster.kubectl("run", name, `--image=${reference}`, `--image-pull-policy=${policy}`, ...more);
    await cluster.kubectl("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s");
  }

  async function versionIn(name: string): Promise<string> {
    return (await cluster.kubectl("exec", name, "--", "sh", "-c", "echo $VERSION")).trim();
  }

  /** Events come a moment after what they tell of. */
  async function shows(name: string, ...texts: readonly string[]): Promise<void> {
    let text = "";
    await eventually(`describe shows ${texts.join(" and ")}`, async () => {
      text = await cluster.kubectl("describe", "pod", name);
      return texts.every((part) => text.includes(part)) ? true : undefined;
    }).catch((err: unknown) => assert.fail(`${String(err)}: ${text}`));
  }

  function status(name: string, field: string): Promise<string> {
    return cluster.kubectl("get", "pod", name, "-o", `jsonpath={.status.containerStatuses[0].${field}}`);
  }

  async function waiting(name: string, ...reasons: readonly string[]): Promise<void> {
    await eventually(`${name} waits with ${reasons.join(" or ")}`, async () =>
      reasons.includes(await status(name, "state.waiting.reason")) ? true : undefined,
    );
  }
});

function podWithSecret(name: string, image: string, secret: string): unknown {
  const spec = { containers: [{ name, image }], imagePullSecrets: [{ name: secret }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
}

function whySkip(): string | false {
  if (process.geteuid?.() !== 0) return "needs root: real containers";
  const { error } = spawnSync("docker-registry", ["--version"]);
  return error === undefined ? false : "needs docker-registry";
}
