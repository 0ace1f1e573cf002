/** The operations on the subresources of a resource. @module */
import type { ApiResource, ApiSubresource } from "../discovery/index.ts";
import { definitionOfKind } from "./definitions.ts";
import { documentName, groupVersionTag, title } from "./names.ts";
import { ANY_TYPE, OBJECT_TYPES, pathParametersOf, TEXT, type Method, type Operation } from "./operation.ts";
import { actionParameters, optionParameters } from "./parameters.ts";
import { article, operationId, patchBody, responsesOf, STATUS_DEFINITION } from "./resource-operations.ts";

const STREAM_METHODS: readonly Method[] = ["get", "post"];
const PROXY_METHODS: readonly Method[] = ["get", "put", "post", "delete", "options", "head", "patch"];

export function subresourceOperations(resource: ApiResource): readonly Operation[] {
  return resource.subresources.flatMap((subresource) => {
    if (subresource.isConnect) return connectOperations(resource, subresource);
    if (subresource.name === "log") return [logOperation(resource, subresource)];
    return subresource.verbs.flatMap((verb) => partOperations(resource, subresource, verb));
  });
}

function pathOf({ kind, plural, namespaced }: ApiResource, { name }: ApiSubresource): string {
  return `/${documentName(kind)}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}/{name}/${name}`;
}

function partOperations(
  resource: ApiResource,
  subresource: ApiSubresource,
  verb: string,
): readonly Operation[] {
  const { kind, namespaced } = resource;
  const { name, responseKind } = subresource;
  const definition = definitionOfKind(responseKind) ?? STATUS_DEFINITION;
  const suffix = kind.kind + title(name);
  const path = pathOf(resource, subresource);
  const pathNames = pathParametersOf(path, responseKind.kind);
  const operation = (
    method: Method,
    id: string,
    description: string,
    codes: readonly number[],
    body?: Operation["body"],
  ): Operation => {
    const action = method;
    return {
      path,
      method,
      id: operationId(`${id}%${suffix}`, kind, namespaced),
      tag: groupVersionTag(kind),
      description,
      action,
      gvk: responseKind,
      parameters: [...pathNames, ...(actionParameters[action] ?? [])],
      ...(body !== undefined && { body }),
      responses: responsesOf(Object.fromEntries(codes.map((code) => [code, definition]))),
      produces: OBJECT_TYPES,
    };
  };
  const whole = { definition, required: true, mediaTypes: ANY_TYPE };
  const part = patchBody(kind);
  switch (verb) {
    case "get":
      return [operation("get", "read", `read ${name} of the specified ${kind.kind}`, [200])];
    case "create":
      return [operation("post", "create", `create ${name} of ${article(kind.kind)}`, [200, 201, 202], whole)];
    case "update":
      return [
        operation("put", "replace", `replace ${name} of the specified ${kind.kind}`, [200, 201], whole),
      ];
    case "patch":
      return [
        operation(
          "patch",
          "patch",
          `partially update ${name} of the specified ${kind.kind}`,
          [200, 201],
          part,
        ),
      ];
    default:
      return [];
  }
}

/** A log is text, whatever the client asked for. */
function logOperation(resource: ApiResource, subresource: ApiSubresource): Operation {
  const { kind, namespaced } = resource;
  const path = pathOf(resource, subresource);
  return {
    path,
    method: "get",
    id: operationId(`read%${kind.kind}Log`, kind, namespaced),
    tag: groupVersionTag(kind),
    description: `read log of the specified ${kind.kind}`,
    action: "get",
    gvk: subresource.responseKind,
    parameters: [...pathParametersOf(path, kind.kind), ...(optionParameters["log"] ?? [])],
    responses: new Map([
      [200, TEXT],
      [401, undefined],
    ]),
    produces: ["text/plain", ...OBJECT_TYPES],
  };
}

function connectOperations(resource: ApiResource, subresource: ApiSubresource): readonly Operation[] {
  const { kind, namespaced } = resource;
  const { name, responseKind } = subresource;
  const isProxy = name === "proxy";
  const path = pathOf(resource, subresource);
  const paths = isProxy ? [path, `${path}/{path}`] : [path];
  return paths.flatMap((at) =>
    (isProxy ? PROXY_METHODS : STREAM_METHODS).map((method) => ({
      path: at,
      method,
      id:
        operationId(`connect%${kind.kind}${title(name)}`, kind, namespaced).replace(
          /(V\d+(?:(?:alpha|beta)\d+)?)/,
          `$1${title(method)}`,
        ) + (at === path ? "" : "WithPath"),
      tag: groupVersionTag(kind),
      description: `connect ${method.toUpperCase()} requests to ${name} of ${kind.kind}`,
      action: "connect",
      gvk: responseKind,
      parameters: [...pathParametersOf(at, responseKind.kind), ...(optionParameters[name] ?? [])],
      responses: new Map([
        [200, TEXT],
        [401, undefined],
      ]),
      produces: ANY_TYPE,
    })),
  );
}
