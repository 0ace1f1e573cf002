/** Taints of nodes and tolerations of pods. @module */
import { field, isLabelValue, validateLabelName } from "#apimachinery";
import type { Taint, Toleration } from "../core/v1/types.gen.ts";
import { all, each, NONE, oneOf, type Causes } from "./common.ts";
import type { PodRules } from "./pod-rules.ts";

const NO_COMPARISON = { tolerationComparison: false };
const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateTolerations(
  tolerations: readonly Toleration[] | undefined,
  path: string,
  { tolerationComparison: mayCompare }: Pick<PodRules, "tolerationComparison"> = NO_COMPARISON,
): Causes {
  return each(tolerations, path, (toleration, at) => {
    const { key = "", effect = "" } = toleration;
    return all(
      key === "" ? NONE : validateLabelName(key, field.child(at, "key")),
      key === "" && toleration.operator !== "Exists"
        ? [
            field.invalid(
              field.child(at, "operator"),
              toleration.operator ?? "",
              'operator must be Exists when `key` is empty, which means "match all values and all keys"',
            ),
          ]
        : NONE,
      toleration.tolerationSeconds !== undefined && effect !== "NoExecute"
        ? [
            field.invalid(
              field.child(at, "effect"),
              effect,
              "effect must be 'NoExecute' when `tolerationSeconds` is set",
            ),
          ]
        : NONE,
      validateOperator(toleration, at, mayCompare),
      effect === "" ? NONE : oneOf(effect, EFFECTS, field.child(at, "effect")),
    );
  });
}

function validateOperator(
  { operator = "", value = "" }: Toleration,
  at: string,
  mayCompare: boolean,
): Causes {
  const path = field.child(at, "operator");
  switch (operator) {
    case "":
    case "Equal": {
      return joined(path, value);
    }
    case "Exists":
      return value === ""
        ? NONE
        : [field.invalid(path, value, "value must be empty when `operator` is 'Exists'")];
    case "Lt":
    case "Gt":
      if (mayCompare) return validateNumber(value, field.child(at, "value"));
      return [field.notSupported(path, operator, ["Equal", "Exists", "Lt", "Gt"])];
    default:
      return [field.notSupported(path, operator, ["Equal", "Exists"])];
  }
}

/** Upstream joins what is wrong with a value into one message. */
function joined(path: string, value: string): Causes {
  const messages = isLabelValue(value);
  return messages.length === 0 ? NONE : [field.invalid(path, value, messages.join(";"))];
}

const INT64_MAX = 2n ** 63n - 1n;

function validateNumber(value: string, path: string): Causes {
  if (!/^(?:0|-?[1-9]\d*)$/.test(value)) {
    return [field.invalid(path, value, "must be a valid decimal integer in canonical form")];
  }
  const number = BigInt(value);
  if (number <= INT64_MAX && number >= -INT64_MAX - 1n) return NONE;
  return [
    field.invalid(path, value, `strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`),
  ];
}

export function validateTaints(taints: readonly Taint[] | undefined, path: string): Causes {
  const seen = new Set<string>();
  return each(taints, path, (taint, at) => {
    const pair = `${taint.effect}:${taint.key}`;
    const repeated = seen.has(pair);
    seen.add(pair);
    return all(
      validateLabelName(taint.key, field.child(at, "key")),
      joined(field.child(at, "value"), taint.value ?? ""),
      taint.effect === ""
        ? [field.required(field.child(at, "effect"))]
        : oneOf(taint.effect, EFFECTS, field.child(at, "effect")),
      repeated
        ? [{ ...field.duplicate(at, ""), message: `Duplicate value: ${shownTaint(taint)}: ${UNIQUE}` }]
        : NONE,
    );
  });
}

/** As upstream prints it. */
const shownTaint = ({ key, value = "", effect, timeAdded }: Taint): string =>
  JSON.stringify({ Key: key, Value: value, Effect: effect, TimeAdded: timeAdded ?? null });

const UNIQUE = "taints must be unique by key and effect pair";
