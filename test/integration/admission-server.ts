/** An API server for the tests of admission, and short ways to ask it as somebody. @module */
import assert from "node:assert/strict";
import { StatusError, type KubeObject } from "#apimachinery";
import { createApiServer, type ApiServer, type ApiServerOptions, type UserInfo } from "#apiserver";
import type { Request } from "#client";
import { openMemoryStore, type Store } from "#storage";

const signal = new AbortController().signal;
const AUTHENTICATED = "system:authenticated";

type Method = Request["method"];
export type Answer = KubeObject & Readonly<Record<string, unknown>>;

/** `contentType`: default JSON, or of a patch a merge patch (an object) or a JSON patch (a list). */
type Send<T> = (
  method: Method,
  path: string,
  body?: unknown,
  user?: UserInfo,
  contentType?: string,
) => Promise<T>;

export interface AdmissionServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly warnings: string[];
  readonly send: Send<Answer>;
  /** The refusal, which must come. */
  readonly refused: Send<StatusError>;
}

export async function startAdmissionServer(
  options: Partial<ApiServerOptions> = {},
): Promise<AdmissionServer> {
  const store: Store = await openMemoryStore();
  const disabledAdmissionPlugins = options.disabledAdmissionPlugins ?? ["ServiceAccount"];
  const server = await createApiServer({ freezeObjects: true, ...options, disabledAdmissionPlugins, store });
  const transport = server.transport();
  const warnings: string[] = [];
  const send: AdmissionServer["send"] = async (method, path, body, sender, contentType) => {
    const patchType = Array.isArray(body) ? "application/json-patch+json" : "application/merge-patch+json";
    const type = method === "PATCH" ? patchType : "application/json";
    const headers = { "content-type": contentType ?? type };
    const [plain = "", search] = path.split("?");
    const query = Object.fromEntries(new URLSearchParams(search));
    const answer = await server
      .transport(sender)
      .request({ method, path: plain, query, headers, ...(body !== undefined && { body }) }, signal);
    const { warning } = answer.headers as { readonly warning?: string };
    if (warning !== undefined) warnings.push(warning);
    // Plugins look into the cache, which is a moment behind: a consistent read waits for it.
    if (method !== "GET")
      await transport.request({ method: "GET", path: "/api/v1/namespaces/default" }, signal);
    // Documents that are no objects come as they were written.
    const { body: given } = answer;
    return (typeof given === "string" ? JSON.parse(given) : given) as Answer;
  };
  return {
    server,
    warnings,
    send,
    async refused(...request) {
      const error = await send(...request).then(
        () => undefined,
        (err: unknown) => err,
      );
      assert.ok(error instanceof StatusError, `expected a refusal, got ${String(error)}`);
      return error;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await store.close();
    },
  };
}

export function user(name: string, ...groups: string[]): UserInfo {
  return { name, groups: [...groups, AUTHENTICATED] };
}

export function pod(name: string, container: object = {}, spec: object = {}, metadata: object = {}): object {
  return {
    metadata: { name, ...metadata },
    spec: { containers: [{ name: "c", image: "i", ...container }], ...spec },
  };
}
