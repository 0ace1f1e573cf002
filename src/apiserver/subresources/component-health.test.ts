import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { probeComponent } from "./component-health.ts";

test("probeComponent() tells what /healthz says, or why nobody does", async (t) => {
  const ca = await createCertificateAuthority("test", systemClock);
  const asked = { commonName: "component", ipAddresses: ["127.0.0.1"], usages: ["server"] } as const;
  const pair = await issueCertificate(ca, asked, systemClock);
  let status = 200;
  const server = createServer({ cert: pair.certificatePem, key: pair.privateKeyPem }, ({ url }, response) =>
    response.writeHead(url === "/healthz" ? status : 404).end("ok"),
  );
  t.after(() => server.close().closeAllConnections());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(await probeComponent(port), { isHealthy: true, message: "ok" });
  status = 500;
  const message = "HTTP probe failed with statuscode: 500";
  assert.deepEqual(await probeComponent(port), { isHealthy: false, message });
  server.close();
  await once(server, "close");
  assert.deepEqual(await probeComponent(port), {
    isHealthy: false,
    message: `Get "https://127.0.0.1:${port}/healthz": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});
