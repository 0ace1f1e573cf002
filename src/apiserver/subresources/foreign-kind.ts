/** Bodies and answers of subresources that speak another kind than their resource. @module */
import type { GroupVersionKind, KubeObject, Status } from "#apimachinery";
import { lookup } from "#api";
import { decodeObject } from "../handlers/decode.ts";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";
import { valueRepresentation } from "../serialization/value-representation.ts";

/** The body of a request as an object of another kind (Binding, Eviction, Scale, …). */
export function decodeForeign(request: ApiRequest, kind: GroupVersionKind): Promise<KubeObject> {
  return decodeObject(request, { kind, schema: lookup(kind) });
}

/** A value that is stored nowhere, in the format asked for. */
export function answer(request: ApiRequest, status: number, value: unknown): Result {
  return { type: "value", status, value, as: valueRepresentation(headerValue(request, "accept"), value) };
}

export function success(status: number): Result {
  const value: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: status };
  return { type: "value", status, value };
}
