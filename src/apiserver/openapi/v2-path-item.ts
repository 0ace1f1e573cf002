/** Operations as OpenAPI version 2 writes them. @module */
import { ANY_TYPE, RESPONSE_TEXT, TEXT, type Body, type Operation, type PathItem } from "./operation.ts";
import type { Parameter } from "./parameters.ts";
import { gvkObject, refTo, type SchemaObject } from "./schema-object.ts";

export function v2PathItem({ parameters, operations }: PathItem): SchemaObject {
  return {
    ...(parameters.length > 0 && { parameters: parameters.map(parameterObject) }),
    ...Object.fromEntries(operations.map((operation) => [operation.method, operationObject(operation)])),
  };
}

function operationObject(operation: Operation): SchemaObject {
  const { id, tag, description, action, gvk, parameters, body, responses, produces } = operation;
  const bodies = body === undefined ? [] : [bodyParameter(body)];
  const all = [...bodies, ...parameters.map(parameterObject)];
  return {
    description,
    consumes: body?.mediaTypes ?? ANY_TYPE,
    produces,
    schemes: ["https"],
    tags: [tag],
    operationId: id,
    ...(all.length > 0 && { parameters: all }),
    responses: Object.fromEntries(
      [...responses].map(([code, answer]) => [code, responseObject(code, answer)]),
    ),
    ...(action !== undefined && { "x-kubernetes-action": action }),
    ...(gvk !== undefined && { "x-kubernetes-group-version-kind": gvkObject(gvk) }),
  };
}

function bodyParameter({ definition, required }: NonNullable<Operation["body"]>): SchemaObject {
  return { name: "body", in: "body", ...(required && { required }), schema: refTo(definition, "v2") };
}

function responseObject(code: number, answer: Body | undefined): SchemaObject {
  return {
    description: RESPONSE_TEXT[code] ?? "",
    ...(answer !== undefined && { schema: answer === TEXT ? { type: "string" } : refTo(answer, "v2") }),
  };
}

function parameterObject({ name, in: where, type, description }: Parameter): SchemaObject {
  return {
    uniqueItems: true,
    type,
    ...(description !== undefined && { description }),
    name,
    in: where,
    ...(where === "path" && { required: true }),
  };
}
