/** The client's contract over both transports, against the real API server in this process. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createApiServer, type ListenAddress } from "#apiserver";
import { dynamicKind, newClient, newInformerFactory } from "#client";
import { newHttpTransport } from "#client/node";
import { openMemoryStore } from "#storage";
import { transportConformance } from "../../src/client/conformance.ts";
import { newTestAuthority } from "../../src/client/node/test-server.ts";

const Namespaces = dynamicKind({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
});

transportConformance("in process", async () => {
  const store = await openMemoryStore();
  const server = await createApiServer({ store });
  const close = async (): Promise<void> => {
    await server.close();
    await store.close();
  };
  return { transport: server.transport(), close };
});

const authority = await newTestAuthority();
const tls = await authority.issue("localhost");

transportConformance("HTTPS", async () => {
  const store = await openMemoryStore();
  const authorizer = { authorize: () => ({ allowed: true }) };
  const server = await createApiServer({ store, tls, authorizer });
  const [address] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const transport = newHttpTransport({ server: `https://127.0.0.1:${address!.port}`, ca: authority.ca });
  const close = async (): Promise<void> => {
    await transport.close();
    await server.close();
    await store.close();
  };
  return { transport, close };
});

test("SharedInformer over HTTPS goes on after its server was away, and repeats nothing", async () => {
  const store = await openMemoryStore();
  const authorizer = { authorize: () => ({ allowed: true }) };
  const first = await createApiServer({ store, tls, authorizer });
  const [{ port }] = (await first.listen([{ host: "127.0.0.1", port: 0 }])) as [ListenAddress];
  const transport = newHttpTransport({ server: `https://127.0.0.1:${port}`, ca: authority.ca });
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
  const factory = newInformerFactory({ client: newClient(transport), random: () => 0 });
  const told: string[] = [];
  const caughtUp = Promise.withResolvers<void>();
  factory.informer(Namespaces).addEventHandler({
    onAdd: ({ metadata }) => {
      told.push(`+${metadata.name}`);
      if (metadata.name === "after") caughtUp.resolve();
    },
    onDelete: ({ metadata }) => void told.push(`-${metadata.name}`),
  });
  factory.start(signal);
  await factory.waitForSync(signal);
  const before = told.length;
  await first.close();

  const second = await createApiServer({ store, tls, authorizer });
  const client = newClient(second.transport());
  await client.create(
    Namespaces,
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "after" } },
    signal,
  );
  await second.listen([{ host: "127.0.0.1", port }]);
  await caughtUp.promise;
  assert.deepEqual(told.slice(before), ["+after"]);
  stop.abort();
  await factory.stopped();
  await transport.close();
  await second.close();
  await store.close();
});
