import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hostsToml, parseRegistry, writeRegistries } from "./registries.ts";

test("parseRegistry takes a host with or without port and scheme", () => {
  assert.deepEqual(parseRegistry("192.168.49.1:5000"), { host: "192.168.49.1:5000", scheme: "http" });
  assert.deepEqual(parseRegistry("registry.test"), { host: "registry.test", scheme: "http" });
  assert.deepEqual(parseRegistry("https://registry.test:443"), {
    host: "registry.test:443",
    scheme: "https",
  });
});

test("parseRegistry refuses what cannot be the name of a folder", () => {
  for (const bad of ["", "../../etc", "http://x", "host/path", "host:", "host:port", ".", "-a", 'x"y'])
    assert.throws(() => parseRegistry(bad), { name: "UserError", id: "REGISTRY_INVALID" }, bad);
});

test("hostsToml names one way to reach the registry", () => {
  assert.equal(
    hostsToml("192.168.49.1:5000"),
    `server = "http://192.168.49.1:5000"

[host."http://192.168.49.1:5000"]
capabilities = ["pull", "resolve"]
skip_verify = true
`,
  );
});

test("writeRegistries writes a folder for each host, and again without complaint", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-registries-"));
  t.after(() => rm(dir, { recursive: true }));
  await writeRegistries(dir, ["a.test:5000", "https://b.test"]);
  await writeRegistries(dir, ["a.test:5000", "https://b.test"]);
  assert.equal(await readFile(join(dir, "a.test:5000/hosts.toml"), "utf8"), hostsToml("a.test:5000"));
  assert.match(await readFile(join(dir, "b.test/hosts.toml"), "utf8"), /^server = "https:\/\/b\.test"$/m);
});
