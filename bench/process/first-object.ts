/** Starts a test cluster, or its API server alone with the argument `server`, and creates one object. @module */
import { cpuUsage, memoryUsage } from "node:process";
import type { Client } from "#client";

export interface FirstObject {
  readonly importMs: number;
  readonly coldMs: number;
  /** Of the process up to its first object. */
  readonly cpuMs: number;
  readonly warmMs: readonly number[];
  readonly rssBytes: number;
}

const begin = performance.now();
const { ConfigMaps } = await import("#api/core/v1/configmap");
const start = process.argv[2] === "server" ? await serverAlone() : await testCluster();
const imported = performance.now();
const cold = await firstObject();
const { user, system } = cpuUsage();
const warm: number[] = [];
for (let i = 0; i < 5; i++) warm.push(await firstObject());
const result: FirstObject = {
  importMs: imported - begin,
  coldMs: cold,
  cpuMs: (user + system) / 1000,
  warmMs: warm,
  rssBytes: memoryUsage.rss(),
};
console.log(JSON.stringify(result));

async function firstObject(): Promise<number> {
  const startMs = performance.now();
  const { client, close } = await start();
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "first", namespace: "default" },
  } as const;
  await client.create(ConfigMaps, object, new AbortController().signal);
  const ms = performance.now() - startMs;
  await close();
  return ms;
}

interface Started {
  readonly client: Client;
  readonly close: () => Promise<void>;
}

async function testCluster(): Promise<() => Promise<Started>> {
  const { startTestCluster } = await import("#testing");
  return startTestCluster;
}

async function serverAlone(): Promise<() => Promise<Started>> {
  const [{ createApiServer }, { openMemoryStore }, { newClient }] = await Promise.all([
    import("#apiserver"),
    import("#storage"),
    import("#client"),
  ]);
  return async () => {
    const store = await openMemoryStore();
    const server = await createApiServer({ store });
    const close = async (): Promise<void> => {
      await server.close();
      await store.close();
    };
    return { client: newClient(server.transport()), close };
  };
}
