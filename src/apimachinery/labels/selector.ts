/** Label selectors: requirements that must all hold. @module */
import { compareStrings } from "../text.ts";
import { quote } from "../quote.ts";
import { parseRequirements } from "./parse.ts";
import {
  formatRequirement,
  matchesRequirement,
  newRequirement,
  SelectorError,
  type Labels,
  type Operator,
  type Requirement,
} from "./requirement.ts";

/** Sorted by key. An empty list selects everything. */
export interface Selector {
  readonly requirements: readonly Requirement[];
  /** Selects nothing at all, whatever the requirements: what an absent LabelSelector means. */
  readonly nothing?: true;
}

/** metav1.LabelSelector. */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

export interface LabelSelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export const everything: Selector = { requirements: [] };
export const nothing: Selector = { requirements: [], nothing: true };

const OPERATORS: Readonly<Record<string, Operator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/** Reads `x in (a,b),y=1,!z`. Throws `SelectorError`. */
export function parse(text: string): Selector {
  return of(parseRequirements(text));
}

/** The selector of exactly these labels, which are taken as valid. */
export function fromSet(labels: Labels | undefined): Selector {
  return of(Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: "=", values: [value] })));
}

/** undefined selects nothing, an empty LabelSelector everything. Throws `SelectorError` for invalid ones. */
export function fromLabelSelector(selector: LabelSelector | undefined): Selector {
  if (selector === undefined) return nothing;
  return of([
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => newRequirement(key, "=", [value])),
    ...(selector.matchExpressions ?? []).map(fromExpression),
  ]);
}

/** The selector with more requirements. */
export function add(selector: Selector, ...requirements: readonly Requirement[]): Selector {
  return selector.nothing ? selector : of([...selector.requirements, ...requirements]);
}

export function matches(selector: Selector, labels: Labels | undefined): boolean {
  if (selector.nothing) return false;
  for (const requirement of selector.requirements) {
    if (!matchesRequirement(requirement, labels ?? NO_LABELS)) return false;
  }
  return true;
}

export function isEverything(selector: Selector): boolean {
  return !selector.nothing && selector.requirements.length === 0;
}

/** Canonical text; parsing it gives the selector again (the empty text for everything, and for nothing). */
export function format(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(",");
}

/** As kubectl prints a LabelSelector: `<none>` for an empty one, `<error>` for an invalid one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    return format(fromLabelSelector(selector)) || "<none>";
  } catch (err) {
    if (err instanceof SelectorError) return "<error>";
    throw err;
  }
}

/** The single value that label `key` must have, if the selector demands one; for indexes. */
export function requiresExactMatch(selector: Selector, key: string): string | undefined {
  const requirement = selector.requirements.find((r) => r.key === key);
  if (requirement === undefined || requirement.values.length !== 1) return undefined;
  const exact =
    requirement.operator === "=" || requirement.operator === "==" || requirement.operator === "in";
  return exact ? requirement.values[0] : undefined;
}

const NO_LABELS: Labels = {};

function of(requirements: readonly Requirement[]): Selector {
  return { requirements: requirements.toSorted((a, b) => compareStrings(a.key, b.key)) };
}

function fromExpression({ key, operator, values }: LabelSelectorRequirement): Requirement {
  const known = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (known === undefined)
    throw new SelectorError(`${quote(operator)} is not a valid label selector operator`);
  return newRequirement(key, known, values ?? []);
}
