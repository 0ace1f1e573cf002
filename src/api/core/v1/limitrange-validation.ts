/** Rules for LimitRanges. @module */
import {
  canonicalQuantity,
  compareAmounts,
  compareQuantity,
  field,
  isQualifiedName,
  newQuantity,
  parseQuantity,
  quantityMilliValue,
} from "#apimachinery";
import { each, NONE, obeys, type Causes } from "../../validation/common.ts";
import {
  isOvercommitAllowed,
  validateContainerResourceName,
  validateResourceName,
} from "../../validation/resources.ts";
import type { LimitRange, LimitRangeItem } from "./types.gen.ts";

const STANDARD_TYPES: readonly string[] = ["Pod", "Container", "PersistentVolumeClaim"];
const LISTS = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

export function validateLimitRange({ spec }: LimitRange): Causes {
  const types = new Set<string>();
  return each(spec?.limits, "spec.limits", (item, at) => {
    const typePath = field.child(at, "type");
    const repeated = types.has(item.type);
    types.add(item.type);
    return [
      ...validateType(item.type, typePath),
      ...(repeated ? [field.duplicate(typePath, item.type)] : NONE),
      ...validateLists(item, at),
      ...validateOrder(item, at),
    ];
  });
}

function validateType(type: string, path: string): Causes {
  const causes = obeys(isQualifiedName, type, path);
  if (causes.length > 0 || type.includes("/") || STANDARD_TYPES.includes(type)) return causes;
  return [field.invalid(path, type, "must be a standard limit type or fully qualified")];
}

function validateLists(item: LimitRangeItem, path: string): Causes {
  const isPod = item.type === "Pod";
  const isStored = item.min?.["storage"] !== undefined || item.max?.["storage"] !== undefined;
  const validateName =
    isPod || item.type === "Container" ? validateContainerResourceName : validateResourceName;
  const names = (name: ListName): Causes =>
    Object.keys(item[name] ?? {}).flatMap((resource) =>
      validateName(resource, field.key(field.child(path, name), resource)),
    );
  const message = "either minimum or maximum storage value is required, but neither was provided";
  return [
    ...names("max"),
    ...names("min"),
    ...(["default", "defaultRequest"] as const).flatMap((name) => {
      if (!isPod) return names(name);
      const isEmpty = Object.keys(item[name] ?? {}).length === 0;
      return isEmpty
        ? []
        : [field.forbidden(field.child(path, name), "may not be specified when `type` is 'Pod'")];
    }),
    ...(item.type === "PersistentVolumeClaim" && !isStored
      ? [field.required(field.child(path, "limits"), message)]
      : NONE),
    ...names("maxLimitRequestRatio"),
  ];
}

type ListName = (typeof LISTS)[number];

/** Pairs that must be in order: lower list, its name, upper list, its name, the list to blame, and the one to show. */
const ORDERS: readonly (readonly [ListName, string, ListName, string, ListName, ListName])[] = [
  ["min", "min", "max", "max", "min", "min"],
  ["min", "min", "defaultRequest", "default request", "defaultRequest", "defaultRequest"],
  ["defaultRequest", "default request", "max", "max", "defaultRequest", "defaultRequest"],
  ["defaultRequest", "default request", "default", "default limit", "defaultRequest", "defaultRequest"],
  ["min", "min", "default", "default", "default", "min"],
  ["default", "default", "max", "max", "default", "max"],
];

/** Resource by resource, so that all that is wrong with one stands together. */
function validateOrder(item: LimitRangeItem, path: string): Causes {
  const lists = item.type === "Pod" ? { ...item, default: {}, defaultRequest: {} } : item;
  const resources = new Set(LISTS.flatMap((name) => Object.keys(lists[name] ?? {})));
  return [...resources].flatMap((resource) => {
    const valueOf = (name: ListName): string | undefined => {
      const list = lists[name] ?? {};
      // A resource may be called "constructor", which every object has something by.
      return Object.hasOwn(list, resource) ? canonicalQuantity(list[resource]!) : undefined;
    };
    const at = (name: ListName): string => field.key(field.child(path, name), resource);
    return [
      ...ORDERS.flatMap(([lower, lowerName, upper, upperName, blamed, shown]) => {
        const [value, bound] = [valueOf(lower), valueOf(upper)];
        if (value === undefined || bound === undefined || !exceeds(value, bound)) return [];
        const message = `${lowerName} value ${value} is greater than ${upperName} value ${bound}`;
        return [field.invalid(at(blamed), valueOf(shown), message)];
      }),
      ...validateRatio(valueOf, at("maxLimitRequestRatio")),
      ...validateEquality(resource, valueOf("default"), valueOf("defaultRequest"), at("defaultRequest")),
    ];
  });
}

function validateRatio(valueOf: (name: ListName) => string | undefined, path: string): Causes {
  const [ratio, min, max] = [valueOf("maxLimitRequestRatio"), valueOf("min"), valueOf("max")];
  if (ratio === undefined) return NONE;
  const quantity = parseQuantity(ratio);
  const bound =
    min === undefined || max === undefined
      ? Infinity
      : quantityMilliValue(parseQuantity(max)) / quantityMilliValue(parseQuantity(min));
  const isAbove = quantityMilliValue(quantity) / 1000 > bound;
  return [
    ...(compareQuantity(quantity, newQuantity(1)) < 0
      ? [field.invalid(path, ratio, `ratio ${ratio} is less than 1`)]
      : NONE),
    ...(isAbove
      ? [field.invalid(path, ratio, `ratio ${ratio} is greater than max/min = ${bound.toFixed(6)}`)]
      : NONE),
  ];
}

/** What may not be overcommitted is requested as it is limited. */
function validateEquality(
  resource: string,
  limit: string | undefined,
  request: string | undefined,
  path: string,
): Causes {
  if (limit === undefined || request === undefined || isOvercommitAllowed(resource)) return NONE;
  if (compareAmounts(limit, request) === 0) return NONE;
  const message = `default value ${limit} must equal to defaultRequest value ${request} in ${resource}`;
  return [field.invalid(path, request, message)];
}

const exceeds = (a: string, b: string): boolean => compareAmounts(a, b) > 0;
