/** Rules for FlowSchemas and PriorityLevelConfigurations, in upstream's words. @module */
import { field } from "#apimachinery";
import { duplicates, each, NONE, oneOf, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { FIXED_FLOW_SCHEMAS, FIXED_PRIORITY_LEVELS } from "./mandatory.ts";
import type {
  ExemptPriorityLevelConfiguration,
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from "./types.gen.ts";
import { validateFlowSchemaSpec } from "./validate-flow-schema.ts";

const QUEUES_MAX = 10_000_000;
/** Of the hash that chooses a hand; with more the last card would be dealt unevenly. */
const HASH_BITS_MAX = 60;
const ZERO_SHARES = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";

export function validateFlowSchema({ metadata, spec, status }: FlowSchema): Causes {
  if (spec === undefined) return [field.required("spec")];
  const { name } = metadata;
  const fixed = Object.hasOwn(FIXED_FLOW_SCHEMAS, name) ? FIXED_FLOW_SCHEMAS[name] : undefined;
  const isOther = fixed !== undefined && !semanticEqual(spec, fixed);
  return field.all(
    validateFlowSchemaSpec(name, spec, "spec"),
    isOther ? [field.invalid("spec", spec, `spec of '${name}' must equal the fixed value`)] : NONE,
    validateConditions(status?.conditions),
  );
}

export function validatePriorityLevelConfiguration({
  metadata,
  spec,
  status,
}: PriorityLevelConfiguration): Causes {
  if (spec === undefined) return [field.required("spec")];
  const hasOldAnnotation = metadata.annotations !== undefined && ZERO_SHARES in metadata.annotations;
  return field.all(
    hasOldAnnotation
      ? [field.forbidden("metadata.annotations", `annotation '${ZERO_SHARES}' is forbidden`)]
      : NONE,
    validateSpec(metadata.name, spec),
    validateFixed(metadata.name, spec),
    validateConditions(status?.conditions),
  );
}

/** Of both kinds; the rules for a write of the status. */
export function validateStatus({
  status,
}: {
  readonly status?: { readonly conditions?: readonly { readonly type?: string }[] };
}): Causes {
  return validateConditions(status?.conditions);
}

function validateConditions(conditions: readonly { readonly type?: string }[] = []): Causes {
  const path = "status.conditions";
  return field.all(
    duplicates(
      conditions,
      ({ type = "" }) => type,
      (i) => `${path}[${i}].type`,
    ),
    each(conditions, path, ({ type = "" }, at) => (type === "" ? [field.required(`${at}.type`)] : NONE)),
  );
}

/** Of the exempt level an operator chooses the shares, of the others nothing. */
function validateFixed(name: string, spec: PriorityLevelConfigurationSpec): Causes {
  const fixed = Object.hasOwn(FIXED_PRIORITY_LEVELS, name) ? FIXED_PRIORITY_LEVELS[name] : undefined;
  if (fixed === undefined) return NONE;
  const isExempt = name === "exempt";
  const compared = isExempt ? { ...spec, exempt: fixed.exempt } : spec;
  if (semanticEqual(compared, fixed)) return NONE;
  const which = isExempt ? " except the 'spec.exempt' field" : "";
  return [field.invalid("spec", spec, `spec of '${name}'${which} must equal the fixed value`)];
}

function validateSpec(name: string, { type, limited, exempt }: PriorityLevelConfigurationSpec): Causes {
  const isMisnamed = (name === "exempt") !== (type === "Exempt");
  return field.all(
    isMisnamed
      ? [field.invalid("spec.type", type, "must be 'Exempt' if and only if `name` is 'exempt'")]
      : NONE,
    type === "Exempt" ? validateExemptType(limited, exempt) : NONE,
    type === "Limited" ? validateLimitedType(limited, exempt) : NONE,
    oneOf(type, ["Exempt", "Limited"], "spec.type"),
  );
}

function validateExemptType(
  limited: LimitedPriorityLevelConfiguration | undefined,
  exempt: ExemptPriorityLevelConfiguration | undefined,
): Causes {
  return field.all(
    limited === undefined
      ? NONE
      : [field.forbidden("spec.limited", "must be nil if the type is not Limited")],
    shares(exempt?.nominalConcurrencyShares, "spec.exempt.nominalConcurrencyShares"),
    percent(exempt?.lendablePercent, "spec.exempt.lendablePercent"),
  );
}

function validateLimitedType(
  limited: LimitedPriorityLevelConfiguration | undefined,
  exempt: ExemptPriorityLevelConfiguration | undefined,
): Causes {
  return field.all(
    exempt === undefined ? NONE : [field.forbidden("spec.exempt", "must be nil if the type is Limited")],
    limited === undefined
      ? [field.required("spec.limited", "must not be empty when type is Limited")]
      : validateLimited(limited, "spec.limited"),
  );
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, path: string): Causes {
  const { lendablePercent, borrowingLimitPercent: borrowing, nominalConcurrencyShares } = limited;
  const at = (name: string): string => field.child(path, name);
  return field.all(
    shares(nominalConcurrencyShares, at("nominalConcurrencyShares")),
    validateResponse(limited.limitResponse, at("limitResponse")),
    percent(lendablePercent, at("lendablePercent")),
    borrowing !== undefined && borrowing < 0
      ? [
          field.invalid(
            at("borrowingLimitPercent"),
            borrowing,
            "if specified, must be a non-negative integer",
          ),
        ]
      : NONE,
  );
}

function validateResponse(response: LimitResponse | undefined, path: string): Causes {
  const { type = "", queuing } = response ?? {};
  const at = field.child(path, "queuing");
  if (type === "Reject") {
    const message = "must be nil if limited.limitResponse.type is not Limited";
    return queuing === undefined ? NONE : [field.forbidden(at, message)];
  }
  if (type !== "Queue") return oneOf(type, ["Queue", "Reject"], field.child(path, "type"));
  return queuing === undefined
    ? [field.required(at, "must not be empty if limited.limitResponse.type is Limited")]
    : validateQueuing(queuing, at);
}

function validateQueuing(
  { queues = 0, handSize = 0, queueLengthLimit = 0 }: QueuingConfiguration,
  path: string,
): Causes {
  const invalid = (name: string, value: number, message: string): Causes => [
    field.invalid(field.child(path, name), value, message),
  ];
  return field.all(
    queueLengthLimit <= 0 ? invalid("queueLengthLimit", queueLengthLimit, "must be positive") : NONE,
    queues <= 0 ? invalid("queues", queues, "must be positive") : NONE,
    queues > QUEUES_MAX ? invalid("queues", queues, `must not be greater than ${QUEUES_MAX}`) : NONE,
    handProblem(queues, handSize) === undefined
      ? NONE
      : invalid("handSize", handSize, handProblem(queues, handSize)!),
  );
}

function handProblem(queues: number, handSize: number): string | undefined {
  if (handSize <= 0) return "must be positive";
  if (handSize > queues) return `should not be greater than queues (${queues})`;
  if (Math.ceil(Math.log2(queues) * handSize) <= HASH_BITS_MAX) return undefined;
  return `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${HASH_BITS_MAX}`;
}

function shares(value: number | undefined, path: string): Causes {
  return value !== undefined && value < 0
    ? [field.invalid(path, value, "must be a non-negative integer")]
    : NONE;
}

function percent(value: number | undefined, path: string): Causes {
  return value !== undefined && !(value >= 0 && value <= 100)
    ? [field.invalid(path, value, "must be between 0 and 100, inclusive")]
    : NONE;
}
