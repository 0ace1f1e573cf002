/** Selectors as attributes of an authorization: read from a query or a review, and written into a review. Pure. @module */
import { fields, labels } from "#apimachinery";
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  ResourceAttributes,
} from "#api/authorization/v1/types.gen";
import type { AuthorizationAttributes } from "../user-info.ts";

type Selectors = Pick<AuthorizationAttributes, "fieldSelector" | "labelSelector">;

const SELECTING: ReadonlySet<string> = new Set(["list", "watch", "deletecollection"]);
const NONE: Selectors = {};

/** What cannot be read selects nothing here: the handler refuses it with its reason. */
export function selectorsOfQuery(verb: string, query: URLSearchParams): Selectors {
  if (query.size === 0 || !SELECTING.has(verb)) return NONE;
  const [fieldText, labelText] = [query.get("fieldSelector"), query.get("labelSelector")];
  const fieldSelector = fieldText === null ? undefined : tolerant(() => fields.parse(fieldText));
  const labelSelector = labelText === null ? undefined : tolerant(() => labels.parse(labelText).requirements);
  return withRequirements(fieldSelector, labelSelector);
}

/** Of a review. Requirements that nobody knows are left out: they only narrow. */
export function selectorsOfReview({ fieldSelector, labelSelector }: ResourceAttributes): Selectors {
  return withRequirements(
    fieldSelector && fieldRequirements(fieldSelector),
    labelSelector && labelRequirements(labelSelector),
  );
}

/** As a review asks a webhook. */
export function reviewSelectors({ fieldSelector = [], labelSelector = [] }: Selectors): ResourceAttributes {
  return {
    ...(fieldSelector.length > 0 && {
      fieldSelector: {
        requirements: fieldSelector.map(({ field: key, operator, value }) => ({
          key,
          operator: operator === "=" ? "In" : "NotIn",
          values: [value],
        })),
      },
    }),
    ...(labelSelector.length > 0 && {
      labelSelector: {
        requirements: labelSelector.flatMap(({ key, operator, values }) => {
          const name = LABEL_OPERATORS[operator];
          return name === undefined
            ? []
            : [{ key, operator: name, ...(values.length > 0 && { values: [...values] }) }];
        }),
      },
    }),
  };
}

const LABEL_OPERATORS: Readonly<Partial<Record<labels.Operator, string>>> = {
  "=": "In",
  "==": "In",
  in: "In",
  "!=": "NotIn",
  notin: "NotIn",
  exists: "Exists",
  "!": "DoesNotExist",
};

function fieldRequirements({
  rawSelector = "",
  requirements = [],
}: FieldSelectorAttributes): readonly fields.Requirement[] | undefined {
  if (rawSelector !== "") return tolerant(() => fields.parse(rawSelector));
  return requirements.flatMap(({ key, operator, values = [] }): readonly fields.Requirement[] => {
    if (values.length !== 1) return [];
    if (operator === "In") return [{ field: key, operator: "=", value: values[0]! }];
    return operator === "NotIn" ? [{ field: key, operator: "!=", value: values[0]! }] : [];
  });
}

function labelRequirements({
  rawSelector = "",
  requirements = [],
}: LabelSelectorAttributes): readonly labels.Requirement[] | undefined {
  if (rawSelector !== "") return tolerant(() => labels.parse(rawSelector).requirements);
  const known = requirements.filter(({ operator }) => OPERATORS.has(operator));
  return known.flatMap(
    ({ key, operator, values = [] }) =>
      tolerant(() => [labels.newRequirement(key, OPERATORS.get(operator)!, values)]) ?? [],
  );
}

const OPERATORS: ReadonlyMap<string, labels.Operator> = new Map([
  ["In", "in"],
  ["NotIn", "notin"],
  ["Exists", "exists"],
  ["DoesNotExist", "!"],
]);

function tolerant<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (err) {
    if (err instanceof fields.FieldSelectorError || err instanceof labels.SelectorError) return undefined;
    throw err;
  }
}

function withRequirements(
  fieldSelector: readonly fields.Requirement[] | undefined,
  labelSelector: readonly labels.Requirement[] | undefined,
): Selectors {
  return {
    ...(fieldSelector !== undefined && fieldSelector.length > 0 && { fieldSelector }),
    ...(labelSelector !== undefined && labelSelector.length > 0 && { labelSelector }),
  };
}
