import assert from "node:assert/strict";
import { test } from "node:test";
import { proxySettings } from "./proxy-options.ts";

const PORTS = { proxyHealthzPort: 10_256, proxyMetricsPort: 10_249 };

test("proxySettings() reads what flags say, and refuses addresses that are none", async () => {
  const settings = await proxySettings(PORTS);
  assert.deepEqual(settings("192.0.2.1").nodePortAddresses, ["primary"]);
  assert.deepEqual(settings("192.0.2.1").healthz, { host: "0.0.0.0", port: 10_256 });
  assert.deepEqual(settings("2001:db8::1").healthz, { host: "::", port: 10_256 });
  const open = await proxySettings({ ...PORTS, nodeportAddresses: "", proxyHealthzPort: 0 });
  assert.deepEqual(open("192.0.2.1").nodePortAddresses, ["0.0.0.0/0", "::/0"]);
  assert.equal(open("192.0.2.1").healthz, undefined);
  for (const nodeportAddresses of ["primary,10.0.0.0/8", "10.0.0.1", "eth0"])
    await assert.rejects(proxySettings({ ...PORTS, nodeportAddresses }), /--nodeport-addresses/);
  await assert.rejects(proxySettings({ ...PORTS, proxyConfig: "/nonexistent/proxy.yaml" }), /ENOENT/);
});
