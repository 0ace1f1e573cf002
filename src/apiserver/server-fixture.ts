/** A running server in the test's own process, and short ways to ask it. Closed after each test. @module */
import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { StatusError, type KubeObject } from "#apimachinery";
import type { Request, Transport } from "#client";
import { openMemoryStore, type Store } from "#storage";
import { createApiServer, type ApiServer, type ApiServerOptions } from "./index.ts";

export const forever: AbortSignal = new AbortController().signal;
export const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
export const PODS = "/api/v1/namespaces/default/pods";
/** Headers of a merge patch. */
export const merge: Partial<Request> = { headers: { "content-type": "application/merge-patch+json" } };
const servers: ApiServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

export interface Fixture {
  readonly server: ApiServer;
  readonly store: Store;
  readonly transport: Transport;
  readonly send: (
    method: Request["method"],
    path: string,
    body?: unknown,
    more?: Partial<Request>,
  ) => Promise<KubeObject>;
}

export async function start(options: Partial<ApiServerOptions> = {}): Promise<Fixture> {
  const store = options.store ?? (await openMemoryStore());
  const server = await createApiServer({ freezeObjects: true, ...options, store });
  servers.push(server);
  const transport = server.transport();
  return {
    server,
    store,
    transport,
    send: async (method, path, body, more) =>
      (await transport.request({ method, path, ...(body !== undefined && { body }), ...more }, forever))
        .body as KubeObject,
  };
}

export function configMap(name: string, more: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more };
}

export async function withAccount(fixture: Fixture): Promise<Fixture> {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
  await fixture.send("POST", "/api/v1/namespaces/default/serviceaccounts", account);
  return fixture;
}

export function pod(name: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  };
}

export async function refusal(promise: Promise<unknown>): Promise<StatusError> {
  const error = await promise.then(
    () => undefined,
    (err: unknown) => err,
  );
  assert.ok(error instanceof StatusError, `expected a StatusError, got ${String(error)}`);
  return error;
}
