/** What `kubectl get` shows of custom resources: their name, and what the definition asks for. @module */
import type { Column, KubeObject } from "#apimachinery";
import { since } from "#api";
import type { CustomResourceColumnDefinition } from "#api/apiextensions/v1/types.gen";
import { parseJsonPath, type JsonPath } from "./json-path.ts";

const NAME: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object; unique within a namespace.",
  value: (object) => object.metadata.name,
};
/** What is shown when the definition asks for nothing. */
const AGE: CustomResourceColumnDefinition = {
  name: "Age",
  type: "date",
  description: "When the object was created.",
  jsonPath: ".metadata.creationTimestamp",
};

export function columnsOf(
  asked: readonly CustomResourceColumnDefinition[] | undefined,
): readonly Column<KubeObject>[] {
  const own = asked === undefined || asked.length === 0 ? [AGE] : asked;
  return [NAME, ...own.map(columnOf)];
}

function columnOf({
  name,
  type,
  format,
  description,
  priority,
  jsonPath,
}: CustomResourceColumnDefinition): Column<KubeObject> {
  let path: JsonPath | undefined;
  return {
    name,
    type: type as Column<KubeObject>["type"],
    ...(format !== undefined && { format: format as NonNullable<Column<KubeObject>["format"]> }),
    ...(description !== undefined && { description }),
    ...((priority ?? 0) > 0 && { wide: true }),
    value: (object, nowMs) => {
      path ??= pathOf(jsonPath);
      return cellOf(type, path(object)[0], nowMs);
    },
  };
}

/** A path that cannot be read shows nothing, as upstream. */
function pathOf(text: string): JsonPath {
  try {
    return parseJsonPath(text);
  } catch {
    return () => [];
  }
}

function cellOf(type: string, value: unknown, nowMs: number): string | number | boolean | undefined {
  if (value === undefined || value === null) return undefined;
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : undefined;
    case "number":
      return typeof value === "number" ? value : undefined;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "date":
      if (typeof value !== "string") return undefined;
      return Number.isNaN(Date.parse(value)) ? "<invalid>" : since(value, nowMs);
    case "string":
    default:
      return typeof value === "string" ? value : JSON.stringify(value);
  }
}
