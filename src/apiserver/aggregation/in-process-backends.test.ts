import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { APIServices } from "#api/apiregistration/v1/apiservice";
import { isNotFound } from "#apimachinery";
import { newClient } from "#client";
import { createApiServer } from "../api-server.ts";
import { openMemoryStore } from "#storage";
import { InProcessBackends, type InProcessBackend } from "./in-process-backends.ts";

const PATH = "/apis/made.example.com/v1";
const schema = { type: "object" };
const backend: InProcessBackend = {
  group: "made.example.com",
  version: "v1",
  resources: [
    {
      resource: "things",
      responseKind: { group: "made.example.com", version: "v1", kind: "Thing" },
      scope: "Cluster",
      singularResource: "thing",
      verbs: ["get"],
    },
  ],
  openApi: {
    v2: {
      paths: { [`${PATH}/things`]: { get: { schema: { $ref: "#/definitions/Thing" } } } },
      definitions: { Thing: schema, Unused: schema },
    },
    v3: { openapi: "3.0.0", paths: {} },
  },
  handle: async ({ method, path, accept }) => ({
    status: 200,
    value: { kind: "Thing", method, path, accept },
  }),
};

function apiService(spec: Partial<NonNullable<APIService["spec"]>> = {}): APIService {
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1.made.example.com" },
    spec: { group: backend.group, version: "v1", groupPriorityMinimum: 50, versionPriority: 7, ...spec },
  };
}

test("InProcessBackends serves while its APIService exists and names no service", () => {
  const backends = new InProcessBackends([backend]);
  const { route } = backends;
  assert.equal(route.matches(PATH), false);
  backends.observe(apiService(), false);
  assert.equal(route.matches(PATH), true);
  assert.equal(route.matches(`${PATH}/things/a`), true);
  assert.equal(route.matches(`${PATH}beta1/things`), false);
  backends.observe(apiService({ service: { namespace: "a", name: "b" } }), false);
  assert.equal(route.matches(PATH), false);
  backends.observe(apiService(), false);
  backends.observe(apiService(), true);
  assert.equal(route.matches(PATH), false);
  assert.equal(backends.generation, 4);
});

test("InProcessBackends shows discovery with the priorities of the APIService, and OpenAPI", () => {
  const backends = new InProcessBackends([backend]);
  assert.deepEqual([backends.versions(), backends.v3(), backends.v2()], [[], [], []]);
  backends.observe(apiService(), false);
  const [version] = backends.versions();
  assert.deepEqual(version?.priority, { group: 50, version: 7 });
  assert.match(backends.v3()[0]![1], /^\/openapi\/v3\/apis\/made\.example\.com\/v1\?hash=[0-9A-F]+$/);
  assert.deepEqual(backends.v2()[0]?.definitions, [["Thing", schema]]);
});

test(
  "createApiServer answers for a backend in its process as for any other group",
  { timeout: 30_000 },
  async () => {
    const store = await openMemoryStore();
    await using server = await createApiServer({ store, inProcessBackends: [backend] });
    const { signal } = new AbortController();
    const transport = server.transport();
    const get = async (path: string): Promise<unknown> =>
      (await transport.request({ method: "GET", path }, signal)).body;
    await assert.rejects(get(`${PATH}/things`), { reason: "NotFound" });
    const made = await newClient(transport, { userAgent: "test" }).create(APIServices, apiService(), signal);
    assert.equal(made.status?.conditions?.[0]?.reason, "Local");
    // The server hears of the APIService as every watcher does: after its write was answered.
    const served = async (): Promise<unknown> => {
      for (;;) {
        try {
          return await get(`${PATH}/things`);
        } catch (err) {
          if (!isNotFound(err)) throw err;
          await setImmediate();
        }
      }
    };
    assert.deepEqual(await served(), {
      kind: "Thing",
      method: "GET",
      path: `${PATH}/things`,
      accept: "",
    });
    const group = (await get("/apis/made.example.com")) as { preferredVersion: { version: string } };
    assert.equal(group.preferredVersion.version, "v1");
    const stranger = server.transport({ name: "eve", groups: ["system:authenticated"] });
    const asked = stranger.request({ method: "GET", path: `${PATH}/things` }, signal);
    await assert.rejects(asked, { reason: "Forbidden" });
  },
);
