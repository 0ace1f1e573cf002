/** The old `componentstatuses`: what the API server itself can tell, which is whether its store answers. @module */
import { messageOf, notFound, type KubeObject } from "#apimachinery";
import type { Store } from "#storage";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import { answer } from "./foreign-kind.ts";
import { columnDefinitions, tableRow } from "../handlers/table.ts";
import { negotiate } from "../handlers/negotiate.ts";
import { headerValue } from "../handlers/request.ts";

const STORE = "etcd-0";

export function componentStatusHandlers(store: Store): SubresourceHandlers {
  return {
    list: async (routed) => {
      const items = [await statusOfStore(store)];
      return show(routed, items, { kind: "ComponentStatusList", apiVersion: "v1", metadata: {}, items });
    },
    get: async (routed) => {
      if (routed.info.name !== STORE)
        throw notFound({ group: "", resource: "componentstatuses" }, routed.info.name);
      const status = await statusOfStore(store);
      return show(routed, [status], status);
    },
  };
}

function show(
  { request, served, context }: ResourceRequest,
  items: readonly KubeObject[],
  plain: unknown,
): ReturnType<NonNullable<SubresourceHandlers["get"]>> {
  if (negotiate(headerValue(request, "accept")).as !== "Table")
    return Promise.resolve(answer(request, 200, plain));
  const nowMs = context.clock.now();
  const apiVersion = "meta.k8s.io/v1";
  const table = {
    kind: "Table",
    apiVersion,
    metadata: {},
    columnDefinitions: columnDefinitions(served.kind),
    rows: items.map((item) => tableRow(served.kind, item, { nowMs, includeObject: "Metadata", apiVersion })),
  };
  return Promise.resolve(answer(request, 200, table));
}

async function statusOfStore(store: Store): Promise<KubeObject> {
  const condition = await store.revision().then(
    () => ({ type: "Healthy", status: "True", message: "ok" }),
    (err: unknown) => ({
      type: "Healthy",
      status: "False",
      message: messageOf(err),
    }),
  );
  const object = {
    kind: "ComponentStatus",
    apiVersion: "v1",
    metadata: { name: STORE },
    conditions: [condition],
  };
  return object;
}
