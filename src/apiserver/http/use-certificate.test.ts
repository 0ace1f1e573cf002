import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { systemClock } from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { createApiServer } from "../api-server.ts";

test("useCertificate shows a new certificate to new connections, and keeps those that are open", async () => {
  const ca = await createCertificateAuthority("ca", systemClock);
  const issue = async (commonName: string): Promise<{ readonly cert: string; readonly key: string }> => {
    const options = { commonName, ipAddresses: ["127.0.0.1"], usages: ["server" as const] };
    const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(ca, options, systemClock);
    return { cert, key };
  };
  const store = await openMemoryStore();
  const tls = { ...(await issue("first")), clientCa: ca.certificatePem };
  const server = await createApiServer({ store, tls, kinds: [] });
  const [bound] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const { port } = bound!;
  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ host: "127.0.0.1", port, ca: ca.certificatePem, ALPNProtocols: ["http/1.1"] });
    await once(socket, "secureConnect");
    return socket;
  };
  try {
    const old = await open();
    server.useCertificate(await issue("second"));
    const next = await open();
    assert.deepEqual(
      [old, next].map((socket) => socket.getPeerCertificate().subject.CN),
      ["first", "second"],
    );
    old.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
    const [answer] = (await once(old, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 \d/);
    old.destroy();
    next.destroy();
  } finally {
    await server.close();
    await store.close();
  }
});
