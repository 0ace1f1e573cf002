import assert from "node:assert/strict";
import { test } from "node:test";
import { Services } from "#api/core/v1/service";
import { createApiServer } from "#apiserver";
import { newClient } from "#client";
import { openMemoryStore } from "#storage";
import { ensureClusterDns } from "./cluster-dns.ts";

const RANGE = "10.96.0.0/12";
const NAME = { namespace: "kube-system", name: "kube-dns" };
const signal = new AbortController().signal;

test("ensureClusterDns() says how metrics are read, also of a Service from before, and leaves what others chose", async () => {
  await using server = await createApiServer({ store: await openMemoryStore() });
  const client = newClient(server.transport());
  const annotate = async (scheme: string | null): Promise<void> => {
    const body = { metadata: { annotations: { "prometheus.io/scheme": scheme } } };
    await client.patch(Services, NAME, { type: "merge", body }, signal);
  };
  const scheme = async (): Promise<string | undefined> => {
    await ensureClusterDns(client, RANGE, signal);
    return (await client.get(Services, NAME, signal)).metadata.annotations?.["prometheus.io/scheme"];
  };
  assert.equal(await scheme(), "https");
  await annotate(null);
  assert.equal(await scheme(), "https");
  await annotate("http");
  assert.equal(await scheme(), "http");
});
