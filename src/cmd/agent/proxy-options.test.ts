import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LiveValue, type HttpCertificates } from "#component-base";
import { securityOf } from "./node-endpoints.ts";
import { proxySettings } from "./proxy-options.ts";

const PORTS = { proxyHealthzPort: 10_256, proxyMetricsPort: 10_249 };

test("proxySettings() reads what flags say, and refuses addresses that are none", async () => {
  const settings = await proxySettings(PORTS);
  assert.deepEqual(settings("192.0.2.1").nodePortAddresses, ["primary"]);
  assert.deepEqual(settings("192.0.2.1").healthz, { host: "0.0.0.0", port: 10_256 });
  assert.deepEqual(settings("2001:db8::1").healthz, { host: "::", port: 10_256 });
  const certificates = new LiveValue<HttpCertificates>({ clientCA: "" });
  const health = securityOf("proxy-healthz", {}, certificates);
  assert.deepEqual(settings("192.0.2.1", health).healthz, {
    host: "0.0.0.0",
    port: 10_256,
    secure: { certificates },
  });
  const open = await proxySettings({ ...PORTS, nodeportAddresses: "", proxyHealthzPort: 0 });
  assert.deepEqual(open("192.0.2.1").nodePortAddresses, ["0.0.0.0/0", "::/0"]);
  assert.equal(open("192.0.2.1").healthz, undefined);
  for (const nodeportAddresses of ["primary,10.0.0.0/8", "10.0.0.1", "eth0"])
    await assert.rejects(proxySettings({ ...PORTS, nodeportAddresses }), /--nodeport-addresses/);
  await assert.rejects(proxySettings({ ...PORTS, proxyConfig: "/nonexistent/proxy.yaml" }), /ENOENT/);
});

test("proxySettings() takes an address of the file for one to be served without TLS, as upstream", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "k8ts-proxy-"));
  const proxyConfig = join(dir.path, "proxy.yaml");
  const kind = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
  const health = securityOf("proxy-healthz", {}, new LiveValue<HttpCertificates>({ clientCA: "" }));
  await writeFile(proxyConfig, `${kind}healthzBindAddress: 192.0.2.1:10256\n`);
  const settings = await proxySettings({ ...PORTS, proxyConfig });
  assert.deepEqual(settings("192.0.2.1", health).healthz, { host: "192.0.2.1", port: 10_256 });
  await writeFile(proxyConfig, kind);
  const without = await proxySettings({ ...PORTS, proxyConfig });
  assert.notEqual(without("192.0.2.1", health).healthz?.secure, undefined);
});
