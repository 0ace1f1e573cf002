/** The FlowSchemas and PriorityLevelConfigurations that every cluster has; the facts of upstream's `apis/flowcontrol/bootstrap`. @module */
import type {
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject,
} from "#api/flowcontrol/v1/types.gen";
import { FIXED_FLOW_SCHEMAS, FIXED_PRIORITY_LEVELS } from "#api/flowcontrol/v1/mandatory";

/** On an object with `true`, the server keeps its spec as this release has it. */
export const AUTO_UPDATE = "apf.kubernetes.io/autoupdate-spec";

const API_VERSION = "flowcontrol.apiserver.k8s.io/v1";
const metadataOf = (name: string): { name: string; annotations: Record<string, string> } => ({
  name,
  annotations: { [AUTO_UPDATE]: "true" },
});

/** The server cannot do without them: whoever changes them is overruled. */
export const mandatoryPriorityLevels: readonly PriorityLevelConfiguration[] = Object.entries(
  FIXED_PRIORITY_LEVELS,
).map(([name, spec]) => ({
  apiVersion: API_VERSION,
  kind: "PriorityLevelConfiguration",
  metadata: metadataOf(name),
  spec,
}));

export const mandatoryFlowSchemas: readonly FlowSchema[] = Object.entries(FIXED_FLOW_SCHEMAS).map(
  ([name, spec]) => ({ apiVersion: API_VERSION, kind: "FlowSchema", metadata: metadataOf(name), spec }),
);

/** What a cluster begins with; an operator may change or keep them. */
export const suggestedPriorityLevels: readonly PriorityLevelConfiguration[] = [
  // kubelets and kube-proxy
  level("system", { shares: 30, lendable: 33, queues: 64, handSize: 6 }),
  // the health of nodes, kept apart from what pod starts cost
  level("node-high", { shares: 40, lendable: 25, queues: 64, handSize: 6 }),
  level("leader-election", { shares: 10, lendable: 0, queues: 16, handSize: 4 }),
  level("workload-high", { shares: 40, lendable: 50, queues: 128, handSize: 6 }),
  level("workload-low", { shares: 100, lendable: 90, queues: 128, handSize: 6 }),
  level("global-default", { shares: 20, lendable: 50, queues: 128, handSize: 6 }),
];

const EVERYONE = groups("system:unauthenticated", "system:authenticated");
const NODES = groups("system:nodes");
const KUBE_SYSTEM_ACCOUNTS: Subject = {
  kind: "ServiceAccount",
  serviceAccount: { namespace: "kube-system", name: "*" },
};
const CONTROLLER_MANAGER = user("system:kube-controller-manager");
const SCHEDULER = user("system:kube-scheduler");
const LEASES: ResourcePolicyRule = {
  verbs: ["*"],
  apiGroups: ["coordination.k8s.io"],
  resources: ["leases"],
  namespaces: ["*"],
};

export const suggestedFlowSchemas: readonly FlowSchema[] = [
  schema("system-nodes", "system", 500, "ByUser", everything(NODES)),
  schema("system-node-high", "node-high", 400, "ByUser", {
    subjects: NODES,
    resourceRules: [
      {
        verbs: ["*"],
        apiGroups: [""],
        resources: ["nodes", "nodes/status"],
        clusterScope: true,
        namespaces: ["*"],
      },
      LEASES,
    ],
  }),
  schema("probes", "exempt", 2, undefined, {
    subjects: EVERYONE,
    nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }],
  }),
  schema("system-leader-election", "leader-election", 100, "ByUser", {
    subjects: [CONTROLLER_MANAGER, SCHEDULER, KUBE_SYSTEM_ACCOUNTS],
    resourceRules: [{ ...LEASES, verbs: ["get", "create", "update"] }],
  }),
  schema("kube-controller-manager", "workload-high", 800, "ByNamespace", everything([CONTROLLER_MANAGER])),
  schema("kube-scheduler", "workload-high", 800, "ByNamespace", everything([SCHEDULER])),
  schema(
    "kube-system-service-accounts",
    "workload-high",
    900,
    "ByNamespace",
    everything([KUBE_SYSTEM_ACCOUNTS]),
  ),
  schema("service-accounts", "workload-low", 9000, "ByUser", everything(groups("system:serviceaccounts"))),
  schema("global-default", "global-default", 9900, "ByUser", everything(EVERYONE)),
];

function level(
  name: string,
  facts: { shares: number; lendable: number; queues: number; handSize: number },
): PriorityLevelConfiguration {
  const { shares, lendable, queues, handSize } = facts;
  const limited: LimitedPriorityLevelConfiguration = {
    nominalConcurrencyShares: shares,
    limitResponse: { type: "Queue", queuing: { queues, handSize, queueLengthLimit: 50 } },
    lendablePercent: lendable,
  };
  return {
    apiVersion: API_VERSION,
    kind: "PriorityLevelConfiguration",
    metadata: metadataOf(name),
    spec: { type: "Limited", limited },
  };
}

function schema(
  name: string,
  priorityLevel: string,
  matchingPrecedence: number,
  distinguisher: "ByUser" | "ByNamespace" | undefined,
  rule: PolicyRulesWithSubjects,
): FlowSchema {
  return {
    apiVersion: API_VERSION,
    kind: "FlowSchema",
    metadata: metadataOf(name),
    spec: {
      priorityLevelConfiguration: { name: priorityLevel },
      matchingPrecedence,
      ...(distinguisher !== undefined && { distinguisherMethod: { type: distinguisher } }),
      rules: [rule],
    },
  };
}

function everything(subjects: readonly Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] },
    ],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  };
}

function groups(...names: readonly string[]): readonly Subject[] {
  return names.map((name) => ({ kind: "Group", group: { name } }));
}

function user(name: string): Subject {
  return { kind: "User", user: { name } };
}
