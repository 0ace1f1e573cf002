/** Rules for FlowSchemas and PriorityLevelConfigurations. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import {
  each,
  inRange,
  NONE,
  nonNegative,
  oneOf,
  positive,
  requiredName,
  type Causes,
} from "../../validation/common.ts";
import type {
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
} from "./types.gen.ts";

const PRECEDENCE_MAX = 10_000;
const QUEUES_MAX = 10_000_000;

export function validateFlowSchema({ metadata, spec }: FlowSchema): Causes {
  if (spec === undefined) return [field.required("spec")];
  const precedence = spec.matchingPrecedence ?? 0;
  const path = "spec.matchingPrecedence";
  const message = "only the schema named 'exempt' may have matchingPrecedence 1";
  return [
    ...(precedence <= 0 ? [field.invalid(path, precedence, "must be a positive value")] : NONE),
    ...(precedence > PRECEDENCE_MAX
      ? [field.invalid(path, precedence, `must not be greater than ${PRECEDENCE_MAX}`)]
      : NONE),
    ...(precedence === 1 && metadata.name !== "exempt" ? [field.invalid(path, precedence, message)] : NONE),
    ...oneOf(spec.distinguisherMethod?.type, ["ByNamespace", "ByUser"], "spec.distinguisherMethod"),
    ...requiredName(
      isDns1123Subdomain,
      spec.priorityLevelConfiguration.name,
      "spec.priorityLevelConfiguration.name",
    ),
    ...each(spec.rules, "spec.rules", validateRule),
  ];
}

function validateRule(rule: PolicyRulesWithSubjects, path: string): Causes {
  const rules = (rule.resourceRules?.length ?? 0) + (rule.nonResourceRules?.length ?? 0);
  return [
    ...(rule.subjects.length === 0
      ? [field.required(field.child(path, "subjects"), "subjects must contain at least one value")]
      : NONE),
    ...each(rule.subjects, field.child(path, "subjects"), ({ kind }, at) =>
      oneOf(kind, ["Group", "ServiceAccount", "User"], field.child(at, "kind")),
    ),
    ...(rules === 0
      ? [field.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")]
      : NONE),
  ];
}

export function validatePriorityLevelConfiguration({ metadata, spec }: PriorityLevelConfiguration): Causes {
  if (spec === undefined) return [field.required("spec")];
  const { type, limited, exempt } = spec;
  const isExempt = type === "Exempt";
  return [
    ...oneOf(type, ["Exempt", "Limited"], "spec.type"),
    ...(isExempt !== (metadata.name === "exempt")
      ? [field.invalid("spec.type", type, "type must be 'Exempt' if and only if name is 'exempt'")]
      : NONE),
    ...(isExempt && limited !== undefined
      ? [field.forbidden("spec.limited", "must be nil if the type is not Limited")]
      : NONE),
    ...(type === "Limited" && exempt !== undefined
      ? [field.forbidden("spec.exempt", "must be nil if the type is Limited")]
      : NONE),
    ...(type === "Limited" && limited === undefined
      ? [field.required("spec.limited", "must not be empty when type is Limited")]
      : NONE),
    ...(limited === undefined ? NONE : validateLimited(limited, "spec.limited")),
  ];
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, path: string): Causes {
  const { lendablePercent, borrowingLimitPercent, nominalConcurrencyShares, limitResponse } = limited;
  const responsePath = field.child(path, "limitResponse");
  const queuing = limitResponse?.queuing;
  const at = (name: string): string => field.child(responsePath, "queuing", name);
  return [
    ...nonNegative(nominalConcurrencyShares, field.child(path, "nominalConcurrencyShares")),
    ...(lendablePercent === undefined
      ? NONE
      : inRange(lendablePercent, 0, 100, field.child(path, "lendablePercent"))),
    ...nonNegative(borrowingLimitPercent, field.child(path, "borrowingLimitPercent")),
    ...oneOf(limitResponse?.type ?? "", ["Queue", "Reject"], field.child(responsePath, "type")),
    ...(limitResponse?.type === "Queue" && queuing === undefined
      ? [
          field.required(
            field.child(responsePath, "queuing"),
            "must not be empty if limitResponse.type is Limited",
          ),
        ]
      : NONE),
    ...(limitResponse?.type === "Reject" && queuing !== undefined
      ? [
          field.forbidden(
            field.child(responsePath, "queuing"),
            "must be nil if limited.limitResponse.type is not Limited",
          ),
        ]
      : NONE),
    ...(queuing === undefined
      ? NONE
      : [
          ...inRange(queuing.queues ?? 0, 1, QUEUES_MAX, at("queues")),
          ...positive(queuing.queueLengthLimit ?? 0, at("queueLengthLimit")),
          ...positive(queuing.handSize ?? 0, at("handSize")),
          ...((queuing.handSize ?? 0) > (queuing.queues ?? 0)
            ? [
                field.invalid(
                  at("handSize"),
                  queuing.handSize,
                  `should not be greater than queues (${queuing.queues ?? 0})`,
                ),
              ]
            : NONE),
        ]),
  ];
}
