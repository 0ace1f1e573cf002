/** Rules for LimitRanges. @module */
import { compareQuantity, field, isQualifiedName, newQuantity, parseQuantity } from "#apimachinery";
import { each, NONE, obeys, type Causes } from "../../validation/common.ts";
import { validateContainerResourceName, validateResourceName } from "../../validation/resources.ts";
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
  const storage = item.min?.["storage"] ?? item.max?.["storage"];
  const validateName =
    isPod || item.type === "Container" ? validateContainerResourceName : validateResourceName;
  const message = "either minimum or maximum storage value is required, but neither was provided";
  return [
    ...LISTS.flatMap((name): Causes => {
      const list = item[name] ?? {};
      const at = field.child(path, name);
      if (isPod && (name === "default" || name === "defaultRequest")) {
        if (Object.keys(list).length === 0) return NONE;
        return [field.forbidden(at, "may not be specified when `type` is 'Pod'")];
      }
      return Object.keys(list).flatMap((resource) => validateName(resource, field.key(at, resource)));
    }),
    ...(item.type === "PersistentVolumeClaim" && storage === undefined
      ? [field.required(field.child(path, "limits"), message)]
      : NONE),
  ];
}

type ListName = (typeof LISTS)[number];

/** Pairs that must be in order: lower list, its name, upper list, its name, and the list to blame. */
const ORDERS: readonly (readonly [ListName, string, ListName, string, ListName, ListName])[] = [
  ["min", "min", "max", "max", "min", "min"],
  ["min", "min", "defaultRequest", "default request", "defaultRequest", "defaultRequest"],
  ["defaultRequest", "default request", "max", "max", "defaultRequest", "defaultRequest"],
  ["defaultRequest", "default request", "default", "default limit", "defaultRequest", "defaultRequest"],
  ["min", "min", "default", "default", "default", "min"],
  ["default", "default", "max", "max", "default", "max"],
];

function validateOrder(item: LimitRangeItem, path: string): Causes {
  const lists = item.type === "Pod" ? { ...item, default: {}, defaultRequest: {} } : item;
  return [
    ...ORDERS.flatMap(([lower, lowerName, upper, upperName, blamed, shown]) =>
      Object.entries(lists[lower] ?? {}).flatMap(([resource, value]) => {
        const bound = lists[upper]?.[resource];
        if (bound === undefined || !exceeds(value, bound)) return [];
        const message = `${lowerName} value ${value} is greater than ${upperName} value ${bound}`;
        return [
          field.invalid(field.key(field.child(path, blamed), resource), lists[shown]?.[resource], message),
        ];
      }),
    ),
    ...Object.entries(item.maxLimitRequestRatio ?? {}).flatMap(([resource, ratio]) =>
      compareQuantity(parseQuantity(ratio), newQuantity(1)) < 0
        ? [
            field.invalid(
              field.key(field.child(path, "maxLimitRequestRatio"), resource),
              ratio,
              `ratio ${ratio} is less than 1`,
            ),
          ]
        : [],
    ),
  ];
}

const exceeds = (a: string, b: string): boolean => compareQuantity(parseQuantity(a), parseQuantity(b)) > 0;
