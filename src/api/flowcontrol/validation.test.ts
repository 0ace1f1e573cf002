import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  FlowSchema,
  FlowSchemaSpec,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from "./v1/types.gen.ts";
import { validateFlowSchema, validatePriorityLevelConfiguration } from "./v1/validation.ts";

const RULE: PolicyRulesWithSubjects = {
  subjects: [{ kind: "User", user: { name: "alice" } }],
  nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/a/*"] }],
};
const SCHEMA: FlowSchemaSpec = {
  matchingPrecedence: 50,
  priorityLevelConfiguration: { name: "system" },
  rules: [RULE],
};
const QUEUING = { queues: 64, handSize: 6, queueLengthLimit: 50 };

function schemaCauses(spec: FlowSchemaSpec, name = "test"): readonly string[] {
  const object = {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "FlowSchema",
    metadata: { name },
    spec,
  };
  return validateFlowSchema(object as FlowSchema).map(({ field, message }) => `${field}: ${message}`);
}

function ruleCauses(rule: object): readonly string[] {
  return schemaCauses({ ...SCHEMA, rules: [{ ...RULE, ...rule }] });
}

function levelCauses(spec: PriorityLevelConfigurationSpec, name = "test"): readonly string[] {
  const kind = "PriorityLevelConfiguration";
  const object = { apiVersion: "flowcontrol.apiserver.k8s.io/v1", kind, metadata: { name }, spec };
  return validatePriorityLevelConfiguration(object as PriorityLevelConfiguration).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const resource = (more: object): object => ({
  resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], ...more }],
});
const SUBJECT = "spec.rules[0].subjects[0]";
const RESOURCE = "spec.rules[0].resourceRules[0]";

const SCHEMAS: readonly [string, readonly string[], readonly string[]][] = [
  ["a good one", schemaCauses(SCHEMA), []],
  [
    "the precedence of the exempt one",
    schemaCauses({ ...SCHEMA, matchingPrecedence: 1 }),
    [
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
    ],
  ],
  [
    "too late a precedence",
    schemaCauses({ ...SCHEMA, matchingPrecedence: 10_001 }),
    ["spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000"],
  ],
  [
    "no level",
    schemaCauses({ ...SCHEMA, priorityLevelConfiguration: { name: "" } }),
    ["spec.priorityLevelConfiguration.name: Required value: must reference a priority level"],
  ],
  [
    "no rules and subjects",
    ruleCauses({ subjects: [], nonResourceRules: [] }),
    [
      "spec.rules[0].subjects: Required value: subjects must contain at least one value",
      "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty",
    ],
  ],
  [
    "a subject of two kinds",
    ruleCauses({ subjects: [{ kind: "Group", group: { name: "g" }, user: { name: "u" } }] }),
    [`${SUBJECT}.user: Forbidden: user is forbidden when subject kind is not 'User'`],
  ],
  [
    "a subject without its part",
    ruleCauses({ subjects: [{ kind: "ServiceAccount" }] }),
    [
      `${SUBJECT}.serviceAccount: Required value: serviceAccount is required when subject kind is 'ServiceAccount'`,
    ],
  ],
  [
    "an unknown kind of subject",
    ruleCauses({ subjects: [{ kind: "Robot" }] }),
    [`${SUBJECT}.kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"`],
  ],
  ["a resource rule", ruleCauses(resource({})), []],
  [
    "a rule that is for nowhere",
    ruleCauses(resource({ namespaces: [] })),
    [
      `${RESOURCE}.namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`,
    ],
  ],
  [
    "an asterisk among others",
    ruleCauses(resource({ resources: ["*", "pods"] })),
    [
      `${RESOURCE}.resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources`,
    ],
  ],
  [
    "an unknown verb",
    ruleCauses(resource({ verbs: ["fly"] })),
    [
      `${RESOURCE}.verbs: Unsupported value: ["fly"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"`,
    ],
  ],
  [
    "a wildcard in the middle",
    ruleCauses({ nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/a*", "b"] }] }),
    [
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*": wildcard can only do suffix matching',
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: "b": must start with slash',
    ],
  ],
];
for (const [name, causes, expected] of SCHEMAS) {
  test(`validateFlowSchema: ${name}`, () => assert.deepEqual(causes, expected));
}

const limited = (more: object): PriorityLevelConfigurationSpec => ({
  type: "Limited",
  limited: { nominalConcurrencyShares: 5, limitResponse: { type: "Queue", queuing: QUEUING }, ...more },
});
const queued = (more: object): PriorityLevelConfigurationSpec =>
  limited({ limitResponse: { type: "Queue", queuing: { ...QUEUING, ...more } } });
const RESPONSE = "spec.limited.limitResponse";

const LEVELS: readonly [string, readonly string[], readonly string[]][] = [
  ["a good one", levelCauses(limited({})), []],
  [
    "exempt under another name",
    levelCauses({ type: "Exempt", exempt: {} }),
    ["spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'"],
  ],
  [
    "other shares of the exempt one",
    levelCauses({ type: "Exempt", exempt: { lendablePercent: 9 } }, "exempt"),
    [],
  ],
  [
    "what is not of its type",
    levelCauses({ type: "Limited", exempt: {} }),
    [
      "spec.exempt: Forbidden: must be nil if the type is Limited",
      "spec.limited: Required value: must not be empty when type is Limited",
    ],
  ],
  [
    "percents",
    levelCauses(limited({ lendablePercent: 101, borrowingLimitPercent: -1 })),
    [
      "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
      "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer",
    ],
  ],
  [
    "queues that are refused",
    levelCauses(limited({ limitResponse: { type: "Reject", queuing: QUEUING } })),
    [`${RESPONSE}.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited`],
  ],
  [
    "too large a hand",
    levelCauses(queued({ queues: 4, handSize: 5 })),
    [`${RESPONSE}.queuing.handSize: Invalid value: 5: should not be greater than queues (4)`],
  ],
  [
    "a hand that the hash cannot deal",
    levelCauses(queued({ queues: 512, handSize: 8 })),
    [
      `${RESPONSE}.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60`,
    ],
  ],
];
for (const [name, causes, expected] of LEVELS) {
  test(`validatePriorityLevelConfiguration: ${name}`, () => assert.deepEqual(causes, expected));
}
