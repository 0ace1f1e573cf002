/** kubectl as a proxy in front of the API server. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { conformance } from "../harness/index.ts";

/** What it says once it listens. */
async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await once(lines, "line")) as [string];
  return line;
}

/** `to` as for `http.get`. */
async function fetchJson(
  to: { readonly port?: number; readonly socketPath?: string },
  path: string,
): Promise<unknown> {
  const request = get({ host: "127.0.0.1", ...to, path });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const body = await text(response);
  assert.equal(response.statusCode, 200, body);
  return JSON.parse(body);
}

function assertVersions(value: unknown): void {
  const { kind, versions } = value as { readonly kind: string; readonly versions: readonly string[] };
  assert.equal(kind, "APIVersions");
  assert.deepEqual(versions, ["v1"]);
}

conformance("[sig-cli] Kubectl client Proxy server should support proxy with --port 0", async (t) => {
  const line = await firstLine(t.startKubectl("proxy", "--port=0", "--disable-filter"));
  const port = Number(/^Starting to serve on 127\.0\.0\.1:(\d+)$/.exec(line)?.[1]);
  assert.ok(port > 0, line);
  assertVersions(await fetchJson({ port }, "/api/"));
  const pods = await fetchJson({ port }, `/api/v1/namespaces/${t.namespace}/pods`);
  assert.equal((pods as { readonly kind: string }).kind, "PodList");
});

conformance("[sig-cli] Kubectl client Proxy server should support --unix-socket=/path", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-proxy-"));
  t.cleanup(() => rm(folder, { recursive: true }));
  const socketPath = join(folder, "test");
  const line = await firstLine(t.startKubectl("proxy", `--unix-socket=${socketPath}`));
  assert.equal(line, `Starting to serve on ${socketPath}`);
  assertVersions(await fetchJson({ socketPath }, "/api/"));
});
