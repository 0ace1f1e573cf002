/** The old `componentstatuses`: whether the store answers, and the components at the ports they have by default. @module */
import { messageOf, notFound, type KubeObject } from "#apimachinery";
import type { Store } from "#storage";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { ComponentHealth, HealthProbe } from "./component-health.ts";
import { answer } from "./foreign-kind.ts";
import { columnDefinitions, tableRow } from "../handlers/table.ts";
import { negotiate } from "../handlers/negotiate.ts";
import { headerValue } from "../handlers/request.ts";

type Check = () => Promise<ComponentHealth>;

export function componentStatusHandlers(store: Store, probe: HealthProbe): SubresourceHandlers {
  const checks: ReadonlyMap<string, Check> = new Map([
    ["scheduler", () => probe(10_259)],
    ["controller-manager", () => probe(10_257)],
    ["etcd-0", () => healthOfStore(store)],
  ]);
  return {
    list: async (routed) => {
      const items = await Promise.all([...checks].map(([name, check]) => statusOf(name, check)));
      return show(routed, items, { kind: "ComponentStatusList", apiVersion: "v1", metadata: {}, items });
    },
    get: async (routed) => {
      const { name } = routed.info;
      const check = checks.get(name);
      if (check === undefined) throw notFound({ group: "", resource: "componentstatus" }, name);
      const status = await statusOf(name, check);
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

async function statusOf(name: string, check: Check): Promise<KubeObject> {
  const { isHealthy, message } = await check();
  const object = {
    kind: "ComponentStatus",
    apiVersion: "v1",
    metadata: { name },
    conditions: [{ type: "Healthy", status: isHealthy ? "True" : "False", message }],
  };
  return object;
}

async function healthOfStore(store: Store): Promise<ComponentHealth> {
  try {
    await store.revision();
    return { isHealthy: true, message: "ok" };
  } catch (err) {
    return { isHealthy: false, message: messageOf(err) };
  }
}
