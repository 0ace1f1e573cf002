/** Rules for webhook configurations. @module */
import { field, isDns1035Label, isQualifiedName } from "#apimachinery";
import { isValidSelector, validateSelector } from "../../meta/v1/label-selector-validation.ts";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { validateQualifiedDomain } from "../../validation/references.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validateWebhookClient } from "../../validation/webhook-client.ts";
import { validateOperations, validateRule } from "./rule-validation.ts";
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "./types.gen.ts";

const TIMEOUT_SECONDS_MAX = 30;
const CONDITIONS_MAX = 64;
const REVIEW_VERSIONS: readonly string[] = ["v1", "v1beta1"];
const SIDE_EFFECTS: readonly string[] = ["None", "NoneOnDryRun"];

const isRecognized = (version: string): boolean => REVIEW_VERSIONS.includes(version);

/** What a stored configuration got away with before, its successor may keep. */
interface Leniency {
  readonly anySideEffects: boolean;
  readonly anyVersions: boolean;
  readonly anyNames: boolean;
  readonly anySelectorValues: boolean;
  readonly sameConditions: boolean;
}

const STRICT: Leniency = {
  anySideEffects: false,
  anyVersions: false,
  anyNames: false,
  anySelectorValues: false,
  sameConditions: false,
};

type Webhook = ValidatingWebhook | MutatingWebhook;
type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration;

function leniencyOf(webhooks: readonly Webhook[], old: readonly Webhook[]): Leniency {
  return {
    anySideEffects: old.some(({ sideEffects }) => !SIDE_EFFECTS.includes(sideEffects)),
    anyVersions: old.some(
      ({ admissionReviewVersions: versions }) => versions.length > 0 && !versions.some(isRecognized),
    ),
    anyNames: new Set(old.map(({ name }) => name)).size < old.length,
    anySelectorValues: old.some(
      (hook) => !isValidSelector(hook.namespaceSelector) || !isValidSelector(hook.objectSelector),
    ),
    sameConditions:
      webhooks.length === old.length &&
      webhooks.every((hook, i) => semanticEqual(hook.matchConditions, old[i]?.matchConditions)),
  };
}

export function validateWebhookConfiguration({ webhooks = [] }: Configuration, old?: Configuration): Causes {
  const leniency = old === undefined ? STRICT : leniencyOf(webhooks, old.webhooks ?? []);
  const seen = new Set<string>();
  return each<Webhook>(webhooks, "webhooks", (hook, at) => {
    const repeated = !leniency.anyNames && hook.name !== "" && seen.has(hook.name);
    seen.add(hook.name);
    return [
      ...validateWebhook(hook, leniency, at),
      ...(repeated ? [field.duplicate(field.child(at, "name"), hook.name)] : NONE),
    ];
  });
}

function validateWebhook(hook: Webhook, leniency: Leniency, path: string): Causes {
  const at = (name: string): string => field.child(path, name);
  const { timeoutSeconds: timeout } = hook;
  const reinvocationPolicy = "reinvocationPolicy" in hook ? hook.reinvocationPolicy : undefined;
  return [
    ...validateQualifiedDomain(hook.name, 3, at("name")),
    ...each(hook.rules, at("rules"), (rule, p) => [...validateOperations(rule, p), ...validateRule(rule, p)]),
    ...oneOf(hook.failurePolicy, ["Fail", "Ignore"], at("failurePolicy")),
    ...oneOf(hook.matchPolicy, ["Equivalent", "Exact"], at("matchPolicy")),
    ...validateSideEffects(hook.sideEffects, leniency.anySideEffects, at("sideEffects")),
    ...(timeout === undefined ? NONE : validateTimeout(timeout, at("timeoutSeconds"))),
    ...validateSelector(hook.namespaceSelector, at("namespaceSelector"), leniency.anySelectorValues),
    ...validateSelector(hook.objectSelector, at("objectSelector"), leniency.anySelectorValues),
    ...oneOf(reinvocationPolicy, ["IfNeeded", "Never"], at("reinvocationPolicy")),
    ...validateWebhookClient(hook.clientConfig, at("clientConfig")),
    ...(leniency.sameConditions ? NONE : validateConditions(hook, at("matchConditions"))),
    ...validateReviewVersions(
      hook.admissionReviewVersions,
      leniency.anyVersions,
      at("admissionReviewVersions"),
    ),
  ];
}

function validateSideEffects(sideEffects: string, any: boolean, path: string): Causes {
  const allowed = any ? [...SIDE_EFFECTS, "Some", "Unknown"] : SIDE_EFFECTS;
  return sideEffects
    ? oneOf(sideEffects, allowed, path)
    : [field.required(path, `must specify one of ${allowed.join(", ")}`)];
}

function validateTimeout(seconds: number, path: string): Causes {
  if (seconds >= 1 && seconds <= TIMEOUT_SECONDS_MAX) return NONE;
  return [
    field.invalid(path, seconds, `the timeout value must be between 1 and ${TIMEOUT_SECONDS_MAX} seconds`),
  ];
}

function validateReviewVersions(versions: readonly string[], any: boolean, path: string): Causes {
  const list = REVIEW_VERSIONS.join(", ");
  if (versions.length === 0) return [field.required(path, `must specify one of ${list}`)];
  const recognized = any || versions.some(isRecognized);
  return [
    ...each(versions, path, (version, at, i) =>
      versions.indexOf(version) < i
        ? [field.invalid(at, version, "duplicate version")]
        : obeys(isDns1035Label, version, at),
    ),
    ...(recognized ? NONE : [field.invalid(path, versions, `must include at least one of ${list}`)]),
  ];
}

export function validateConditions(
  {
    matchConditions = [],
  }: { readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[] },
  path: string,
): Causes {
  return [
    ...(matchConditions.length > CONDITIONS_MAX
      ? [field.tooMany(path, matchConditions.length, CONDITIONS_MAX)]
      : NONE),
    ...each(matchConditions, path, ({ name, expression }, at, i) => [
      ...(expression.trim() === "" ? [field.required(field.child(at, "expression"))] : NONE),
      ...(name === ""
        ? [field.required(field.child(at, "name"))]
        : obeys(isQualifiedName, name, field.child(at, "name"))),
      ...(name !== "" && matchConditions.findIndex((other) => other.name === name) < i
        ? [field.duplicate(field.child(at, "name"), name)]
        : NONE),
    ]),
  ];
}
