/** Which Kubernetes the server says it is. */
import assert from "node:assert/strict";
import { serverVersion } from "#client";
import { conformance } from "../harness/index.ts";

conformance("[sig-api-machinery] server version should find the server version", async (t) => {
  const version = await serverVersion(t.client.transport, t.signal);
  assert.match(version.major, /^[1-9]\d*$/);
  assert.match(version.minor, /^\d+\+?$/);
  assert.ok(
    version.gitVersion.startsWith(`v${version.major}.${version.minor.replace("+", "")}.`),
    `gitVersion ${version.gitVersion} is not of ${version.major}.${version.minor}`,
  );
  const said = JSON.parse(await t.kubectl("version", "-o", "json")) as {
    readonly serverVersion: { readonly gitVersion: string };
  };
  assert.equal(said.serverVersion.gitVersion, version.gitVersion);
});
