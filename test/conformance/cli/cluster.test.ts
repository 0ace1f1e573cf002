/** What kubectl tells of the cluster itself. */
import assert from "node:assert/strict";
import { conformance } from "../harness/index.ts";

conformance(
  "[sig-cli] Kubectl client Kubectl api-versions should check if v1 is in available api versions",
  async (t) => {
    const versions = (await t.kubectl("api-versions")).trim().split("\n");
    assert.ok(versions.includes("v1"), versions.join(" "));
    assert.ok(versions.includes("apps/v1"));
  },
);

conformance(
  "[sig-cli] Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info",
  async (t) => {
    // eslint-disable-next-line no-control-regex -- kubectl colours its words
    const text = (await t.kubectl("cluster-info")).replace(/\u001b\[[\d;]*m/g, "");
    assert.match(text, /^Kubernetes control plane is running at https:\/\/127\.0\.0\.1:\d+$/m);
  },
);

conformance("[sig-cli] Kubectl client Kubectl version should check is all data is printed", async (t) => {
  const text = await t.kubectl("version");
  assert.match(text, /^Client Version: v1\.\d+\.\d+/m);
  assert.match(text, /^Server Version: v1\.\d+\.\d+/m);
  const { serverVersion } = JSON.parse(await t.kubectl("version", "-o", "json")) as {
    readonly serverVersion: Readonly<Record<string, string>>;
  };
  // what is not known of a build that runs from its sources is told as an empty text
  for (const name of ["gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler"])
    assert.equal(typeof serverVersion[name], "string", `serverVersion has no ${name}`);
  for (const name of ["major", "minor", "gitVersion", "platform"])
    assert.ok(Boolean(serverVersion[name]), `serverVersion has no ${name}`);
});
