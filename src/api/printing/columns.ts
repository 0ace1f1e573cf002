/** Building blocks of printer columns. The server prints ages itself, so every column of ages is text. @module */
import type { Column, KubeObject } from "#apimachinery";
import { labels, sorted } from "#apimachinery";
import type { Container } from "../core/v1/types.gen.ts";
import type { LabelSelector } from "../meta/v1/types.gen.ts";
import { since } from "./human-duration.ts";

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  value: (object) => object.metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  value: (object, nowMs) => since(object.metadata.creationTimestamp, nowMs),
};

/** What a kind shows that has nothing of its own to show. */
export const nameAndAge: readonly Column<KubeObject>[] = [nameColumn, ageColumn];

export function text<T>(name: string, value: Column<T>["value"]): Column<T> {
  return { name, type: "string", value };
}

export function wide<T>(name: string, value: Column<T>["value"]): Column<T> {
  return { name, type: "string", wide: true, value };
}

export function integer<T>(name: string, value: (object: T) => number): Column<T> {
  return { name, type: "integer", value };
}

export function boolean<T>(name: string, value: (object: T) => boolean): Column<T> {
  return { name, type: "boolean", value };
}

/** The wide columns of everything that makes pods. */
export function templateColumns<T>(
  containers: (object: T) => readonly Container[] | undefined,
): readonly Column<T>[] {
  return [
    wide("Containers", (object) => (containers(object) ?? []).map((c) => c.name).join(",")),
    wide("Images", (object) => (containers(object) ?? []).map((c) => c.image ?? "").join(",")),
  ];
}

/** `a=1,b=2`, or `<none>`. */
export function formatLabels(set: Readonly<Record<string, string>> | undefined): string {
  const pairs = sorted(Object.keys(set ?? {})).map((key) => `${key}=${set![key]}`);
  return pairs.length === 0 ? "<none>" : pairs.join(",");
}

/** A selector in kubectl's notation; "" when it selects everything. */
export function selectorString(selector: LabelSelector): string {
  return labels.format(labels.fromLabelSelector(selector));
}

/** As `selectorString`; `<none>` for an absent or empty selector. */
export function formatSelector(selector: LabelSelector | undefined): string {
  return selector === undefined ? "<none>" : labels.formatLabelSelector(selector);
}

/** At most `max` items, then how many more there are. */
export function listWithMore(items: readonly string[], max: number): string {
  if (items.length > max) return `${items.slice(0, max).join(",")} + ${items.length - max} more...`;
  return items.length === 0 ? "<unset>" : items.join(",");
}
