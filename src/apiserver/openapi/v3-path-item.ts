/** Operations as OpenAPI version 3 writes them. @module */
import { RESPONSE_TEXT, TEXT, type Body, type Operation, type PathItem } from "./operation.ts";
import type { Parameter } from "./parameters.ts";
import { gvkObject, refTo, type SchemaObject } from "./schema-object.ts";

export function v3PathItem({ parameters, operations }: PathItem): SchemaObject {
  return {
    ...(parameters.length > 0 && { parameters: parameters.map(parameterObject) }),
    ...Object.fromEntries(operations.map((operation) => [operation.method, operationObject(operation)])),
  };
}

function operationObject(operation: Operation): SchemaObject {
  const { id, tag, description, action, gvk, parameters, body, responses, produces } = operation;
  return {
    tags: [tag],
    description,
    operationId: id,
    ...(parameters.length > 0 && { parameters: parameters.map(parameterObject) }),
    ...(body !== undefined && {
      requestBody: {
        content: contentOf(body.mediaTypes, body.definition),
        ...(body.required && { required: true }),
      },
    }),
    responses: Object.fromEntries(
      [...responses].map(([code, answer]) => [code, responseObject(code, answer, produces)]),
    ),
    ...(action !== undefined && { "x-kubernetes-action": action }),
    ...(gvk !== undefined && { "x-kubernetes-group-version-kind": gvkObject(gvk) }),
  };
}

function responseObject(code: number, answer: Body | undefined, produces: readonly string[]): SchemaObject {
  return {
    description: RESPONSE_TEXT[code] ?? "",
    ...(answer !== undefined && { content: contentOf(produces, answer) }),
  };
}

function contentOf(mediaTypes: readonly string[], body: Body): SchemaObject {
  const schema = body === TEXT ? { type: "string" } : refTo(body, "v3");
  return Object.fromEntries(mediaTypes.map((type) => [type, { schema }]));
}

function parameterObject({ name, in: where, type, description }: Parameter): SchemaObject {
  return {
    name,
    in: where,
    ...(description !== undefined && { description }),
    ...(where === "path" && { required: true }),
    schema: { type, uniqueItems: true },
  };
}
