/** Custom kinds that no other test has, and what OpenAPI says of them. @module */
import assert from "node:assert/strict";
import type { CustomResourceDefinition, JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { newCustomKind, type ConformanceContext, type CustomKind } from "../harness/index.ts";

export type Definition = Readonly<Record<string, unknown>>;

export const WITH_FIELDS: JSONSchemaProps = {
  type: "object",
  description: "A gadget for testing",
  properties: {
    spec: {
      type: "object",
      description: "What is wanted of a gadget",
      properties: {
        bars: {
          type: "array",
          description: "The bars of a gadget, and their specs",
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { type: "string", description: "Name of a bar" },
              age: { type: "string", description: "Age of a bar" },
              feeling: { type: "string", enum: ["Great", "Down"] },
            },
          },
        },
      },
    },
    status: { type: "object", description: "How a gadget is" },
  },
};
export const OPEN: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** Names that kubectl cannot take for another test's. */
export function newKind(
  t: ConformanceContext,
  schema: JSONSchemaProps,
  options: { readonly group?: string; readonly suffix?: string } = {},
): Promise<CustomKind> {
  const { group, suffix = "" } = options;
  const singular = `${t.unique}${suffix}`;
  const kind = `Gadget${t.unique}${suffix}`;
  const names = { plural: `${singular}s`, singular, kind, listKind: `${kind}List` };
  return newCustomKind(t, { schema, spec: { names }, ...(group !== undefined && { group }) });
}

export function definitionName(crd: CustomResourceDefinition, ofVersion = "v1"): string {
  const { group, names } = crd.spec;
  return `${group.split(".").toReversed().join(".")}.${ofVersion}.${names.kind}`;
}

export async function definitionsV2(t: ConformanceContext): Promise<Readonly<Record<string, Definition>>> {
  const answer = await t.http({ path: "/openapi/v2" });
  assert.equal(answer.status, 200);
  return (answer.json() as { readonly definitions: Readonly<Record<string, Definition>> }).definitions;
}

export async function schemasV3(
  t: ConformanceContext,
  crd: CustomResourceDefinition,
  ofVersion = "v1",
): Promise<Readonly<Record<string, Definition>> | undefined> {
  const index = (await t.http({ path: "/openapi/v3" })).json() as {
    readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
  };
  const entry = index.paths[`apis/${crd.spec.group}/${ofVersion}`];
  if (entry === undefined) return undefined;
  const answer = await t.http({ path: entry.serverRelativeURL });
  assert.equal(answer.status, 200, answer.text);
  const { components } = answer.json() as {
    readonly components: { readonly schemas: Readonly<Record<string, Definition>> };
  };
  return components.schemas;
}

export function gvk({ spec }: CustomResourceDefinition, ofVersion = "v1"): readonly object[] {
  return [{ group: spec.group, version: ofVersion, kind: spec.names.kind }];
}

/** As both versions of OpenAPI show it, without the metadata that all objects have. */
export async function published(
  t: ConformanceContext,
  crd: CustomResourceDefinition,
): Promise<{ readonly v2: Definition; readonly v3: Definition }> {
  const name = definitionName(crd);
  const [v2, v3] = [(await definitionsV2(t))[name], (await schemasV3(t, crd))?.[name]];
  assert.ok(v2 !== undefined && v3 !== undefined, `${name} is published`);
  for (const each of [v2, v3]) assert.deepEqual(each["x-kubernetes-group-version-kind"], gvk(crd));
  return { v2, v3 };
}

export function properties(definition: Definition): Readonly<Record<string, Definition>> {
  return (definition["properties"] ?? {}) as Readonly<Record<string, Definition>>;
}
