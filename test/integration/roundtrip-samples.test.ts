/** A sample of every kind is created, read, updated, patched, applied, listed and deleted by an API server in process. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { apiVersionOf, StatusError, type KubeObject } from "#apimachinery";
import { betaKinds, builtinKinds } from "#api";
import { createApiServer, type ApiServer } from "#apiserver";
import type { Request, Response } from "#client";
import { openMemoryStore, type Store } from "#storage";
import { samples, type Sample } from "./samples.ts";

const signal = new AbortController().signal;
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
const JSON_TYPE = { "content-type": "application/json" };
const MERGE_TYPE = { "content-type": "application/merge-patch+json" };
const APPLY_TYPE = { "content-type": "application/apply-patch+yaml" };

interface Table {
  readonly columnDefinitions: readonly { readonly name: string }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

let store: Store;
let server: ApiServer;

function send(request: Request): Promise<Response> {
  return server.transport().request(request, signal);
}

async function ask(request: Request): Promise<KubeObject> {
  const { body } = await send(request);
  return JSON.parse(JSON.stringify(body)) as KubeObject;
}

suite("samples", () => {
  before(async () => {
    store = await openMemoryStore();
    server = await createApiServer({
      store,
      kinds: [...builtinKinds, ...betaKinds()],
      freezeObjects: true,
      disabledAdmissionPlugins: ["ServiceAccount"],
    });
  });
  after(async () => {
    await server.close();
    await store.close();
  });

  test("are there for every kind that is stored", () => {
    const stored = builtinKinds.filter(({ verbs }) => verbs === undefined).map(idOf);
    const known = new Set(samples.map((sample) => idOf(sample.object)));
    assert.deepEqual(
      stored.filter((id) => !known.has(id)),
      [],
    );
  });

  test("a scale is a row of a table too", async () => {
    const { collection, object } = samples.find((sample) => sample.object.kind === "Deployment")!;
    await ask({ method: "POST", path: collection, body: object, headers: JSON_TYPE });
    const path = `${collection}/${object.metadata.name}/scale`;
    const table = (await send({ method: "GET", path, headers: TABLE })).body as Table;
    const names = table.columnDefinitions.map(({ name }) => name);
    assert.deepEqual(names, ["Name", "Desired", "Available", "Age"]);
    assert.deepEqual(table.rows[0]?.cells.slice(0, 3), ["sample", 1, 0]);
    await send({ method: "DELETE", path: `${collection}/${object.metadata.name}` });
  });

  test("devices of others are for labelled namespaces alone", async () => {
    const { collection, object } = samples.find((sample) => sample.object.kind === "ResourceClaim")!;
    const exactly = { deviceClassName: "c", adminAccess: true };
    const body = { ...object, spec: { devices: { requests: [{ name: "gpu", exactly }] } } };
    const post = { method: "POST", path: collection, body, headers: JSON_TYPE } as const;
    await assert.rejects(
      ask(post),
      /spec\.devices\.requests\[0\]\.adminAccess: Forbidden: admin access to devices/,
    );
    const labels = { metadata: { labels: { "resource.kubernetes.io/admin-access": "true" } } };
    await ask({ method: "PATCH", path: "/api/v1/namespaces/default", body: labels, headers: MERGE_TYPE });
    await ask(post);
    await send({ method: "DELETE", path: `${collection}/${object.metadata.name}` });
  });

  for (const sample of samples) test(idOf(sample.object), () => live(sample));
});

function idOf(
  of: { readonly kind: string } & ({ readonly apiVersion: string } | { group: string; version: string }),
): string {
  return `${"apiVersion" in of ? of.apiVersion : apiVersionOf(of)} ${of.kind}`;
}

async function live({ collection, object: sent }: Sample): Promise<void> {
  const path = `${collection}/${sent.metadata.name}`;
  const created = await ask({ method: "POST", path: collection, body: sent, headers: JSON_TYPE });
  assert.ok(created.metadata.uid);
  const read = await ask({ method: "GET", path });
  assert.deepEqual(withoutBookkeeping(read), withoutBookkeeping(created));

  const updated = await relabelled(path);
  assert.equal(updated.metadata.labels?.["updated"], "yes");

  const annotation = { metadata: { annotations: { "example.com/patched": "yes" } } };
  const patched = await ask({ method: "PATCH", path, body: annotation, headers: MERGE_TYPE });
  assert.equal(patched.metadata.annotations?.["example.com/patched"], "yes");

  await applied(path, patched);
  await listed(collection, sent.metadata.name);
  await deleted(path);
}

const CONFLICTS_MAX = 5;

/** Read and written back with a label; again when somebody else wrote in between. */
async function relabelled(path: string, conflicts = 0): Promise<KubeObject> {
  const read = await ask({ method: "GET", path });
  const labels = { ...read.metadata.labels, updated: "yes" };
  const body = { ...read, metadata: { ...read.metadata, labels } };
  try {
    return await ask({ method: "PUT", path, body, headers: JSON_TYPE });
  } catch (err) {
    const isConflict = err instanceof StatusError && err.reason === "Conflict";
    if (!isConflict || conflicts === CONFLICTS_MAX) throw err;
    return relabelled(path, conflicts + 1);
  }
}

/** What was read, applied, changes nothing but who it belongs to, and the second time nothing at all. */
async function applied(path: string, read: KubeObject): Promise<void> {
  const { managedFields: _, ...metadata } = read.metadata;
  const { resourceVersion: _old, ...unversioned } = metadata;
  const query = { fieldManager: "roundtrip", force: true };
  const apply = (sent: KubeObject): Promise<KubeObject> =>
    ask({ method: "PATCH", path, query, body: sent, headers: APPLY_TYPE });
  const first = await apply({ ...read, metadata: unversioned });
  assert.deepEqual(withoutBookkeeping(first), withoutBookkeeping(read));
  const second = await apply({ ...read, metadata: unversioned });
  const isSame = second.metadata.resourceVersion === first.metadata.resourceVersion;
  assert.ok(isSame || statusOf(second) !== statusOf(first), "the second apply was written");
}

async function listed(path: string, name: string): Promise<void> {
  const table = (await send({ method: "GET", path, headers: TABLE })).body as Table;
  const names = new Set(table.rows.flatMap(({ cells }) => cells.map(String)));
  assert.ok(
    [...names].some((cell) => cell.startsWith(name) || cell === name),
    `${name} in ${[...names].join(" ")}`,
  );
  for (const { cells } of table.rows) assert.ok(cells.length >= table.columnDefinitions.length);
}

/** Gone, or waiting for its finalizers. */
async function deleted(path: string): Promise<void> {
  await send({ method: "DELETE", path });
  const left = await ask({ method: "GET", path }).catch((err: unknown) => {
    assert.ok(err instanceof StatusError && err.reason === "NotFound", String(err));
    return undefined;
  });
  if (left !== undefined) assert.ok(left.metadata.deletionTimestamp, "marked for deletion");
}

/** What the user asked for: controllers inside of the server write the status of some kinds at any time. */
function withoutBookkeeping(object: KubeObject): unknown {
  const { metadata, status: _status, ...rest } = object as KubeObject & { readonly status?: unknown };
  const { managedFields: _, resourceVersion: _version, ...own } = metadata;
  return { ...rest, metadata: own };
}

function statusOf(object: KubeObject): string {
  return JSON.stringify((object as KubeObject & { readonly status?: unknown }).status);
}
