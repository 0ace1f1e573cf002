/** An API server in this process and a definition of cron tabs, for tests of custom resources. @module */
import assert from "node:assert/strict";
import { StatusError, type KubeObject } from "#apimachinery";
import { createApiServer } from "#apiserver";
import type { Transport } from "#client";
import { openMemoryStore } from "#storage";

export const CRDS: string = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
export const TABS: string = "/apis/stable.example.com/v1/namespaces/default/crontabs";
export const WAIT_MS = 60_000;

export const SCHEMA: Fields = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["cronSpec"],
      properties: {
        cronSpec: { type: "string", pattern: "^\\S+( \\S+){4}$" },
        image: { type: "string", default: "busybox" },
        replicas: { type: "integer", minimum: 1, maximum: 10, default: 1 },
        policy: { type: "string", enum: ["Allow", "Forbid"] },
        port: { "x-kubernetes-int-or-string": true },
        open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        note: { type: "string", nullable: true },
        env: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: {
            type: "object",
            required: ["name"],
            properties: { name: { type: "string" }, value: { type: "string" } },
          },
        },
      },
      "x-kubernetes-validations": [
        {
          rule: "!has(self.policy) || self.policy != 'Forbid' || self.replicas == 1",
          message: "forbidding needs one",
        },
        {
          rule: "self.replicas >= oldSelf.replicas",
          message: "never fewer",
          reason: "FieldValueForbidden",
          fieldPath: ".replicas",
        },
      ],
    },
    status: {
      type: "object",
      properties: { replicas: { type: "integer" }, selector: { type: "string" } },
    },
  },
};

export function definition(version: object = {}, spec: object = {}): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "crontabs.stable.example.com" },
    spec: {
      group: "stable.example.com",
      scope: "Namespaced",
      names: { plural: "crontabs", kind: "CronTab", shortNames: ["ct"], categories: ["all"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: SCHEMA },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.replicas",
              statusReplicasPath: ".status.replicas",
              labelSelectorPath: ".status.selector",
            },
          },
          additionalPrinterColumns: [
            { name: "Spec", type: "string", jsonPath: ".spec.cronSpec" },
            { name: "Replicas", type: "integer", jsonPath: ".spec.replicas" },
          ],
          selectableFields: [{ jsonPath: ".spec.image" }],
          ...version,
        },
      ],
      ...spec,
    },
  } as KubeObject;
}

export function tab(name: string, spec: object = {}, rest: object = {}): KubeObject {
  const made = { apiVersion: "stable.example.com/v1", kind: "CronTab", metadata: { name } };
  return { ...made, spec: { cronSpec: "* * * * */5", ...spec }, ...rest } as KubeObject;
}

export interface Fields {
  readonly [key: string]: any; // oxlint-disable-line typescript/no-explicit-any -- answers are looked into freely
}

export interface Started extends AsyncDisposable {
  readonly transport: Transport;
  send(method: string, path: string, body?: unknown, contentType?: string, accept?: string): Promise<Fields>;
  /** Sends again until the answer is what is waited for. */
  until(path: string, isWanted: (answer: Fields | undefined) => boolean): Promise<Fields | undefined>;
  install(crd?: KubeObject): Promise<Fields>;
}

export async function start(): Promise<Started> {
  const store = await openMemoryStore();
  const server = await createApiServer({ store, freezeObjects: true });
  const transport = server.transport();
  const signal = AbortSignal.timeout(2 * WAIT_MS);
  const send: Started["send"] = async (method, target, body, contentType, accept) => {
    const { pathname: path, searchParams } = new URL(target, "http://server");
    const request = {
      method: method as "GET",
      path,
      query: Object.fromEntries(searchParams),
      headers: {
        ...(contentType !== undefined && { "content-type": contentType }),
        ...(accept !== undefined && { accept }),
      },
      ...(body !== undefined && { body }),
    };
    const answer = (await transport.request(request, signal)).body;
    // Documents come as text.
    return (typeof answer === "string" ? JSON.parse(answer) : answer) as Fields;
  };
  const until: Started["until"] = async (path, isWanted) => {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const answer = await send("GET", path).catch((err: unknown) => {
        if (err instanceof StatusError && err.code === 404) return undefined;
        throw err;
      });
      if (isWanted(answer)) return answer;
      assert.ok(Date.now() < deadline, `waited too long for ${path}: ${JSON.stringify(answer?.["status"])}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    transport,
    send,
    until,
    install: async (crd = definition()) => {
      await send("POST", CRDS, crd);
      return (await until(
        `${CRDS}/${crd.metadata.name}`,
        (answer) => condition(answer, "Established") === "True",
      ))!;
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await store.close();
    },
  };
}

export function condition(crd: Fields | undefined, type: string): string | undefined {
  return crd?.["status"]?.conditions?.find((c: Fields) => c["type"] === type)?.status;
}

export async function refused(sending: Promise<unknown>): Promise<readonly [code: number, message: string]> {
  try {
    await sending;
  } catch (err) {
    assert.ok(err instanceof StatusError, String(err));
    return [err.code, err.message];
  }
  return assert.fail("it was let through");
}
