/** What services use of a ResourceQuota. @module */
import type { ResourceList } from "../pod-resources.ts";
import type { Service } from "../types.gen.ts";
import type { QuotaEvaluator } from "./evaluator.ts";

const COUNT = "count/services";
const NAMES: readonly string[] = [COUNT, "services", "services.nodeports", "services.loadbalancers"];

export const serviceEvaluator: QuotaEvaluator<Service> = {
  matchingResources: (names) => names.filter((name) => NAMES.includes(name)),
  matchesScope: () => false,
  usage,
  constraints: () => undefined,
};

function usage({ spec }: Service): ResourceList {
  const isBalanced = spec?.type === "LoadBalancer";
  return {
    [COUNT]: "1",
    services: "1",
    "services.nodeports": String(nodePorts(spec)),
    "services.loadbalancers": isBalanced ? "1" : "0",
  };
}

function nodePorts(spec: Service["spec"]): number {
  const ports = spec?.ports ?? [];
  if (spec?.type === "NodePort") return ports.length;
  if (spec?.type !== "LoadBalancer") return 0;
  if (spec.allocateLoadBalancerNodePorts !== false) return ports.length;
  return ports.filter(({ nodePort = 0 }) => nodePort !== 0).length;
}
