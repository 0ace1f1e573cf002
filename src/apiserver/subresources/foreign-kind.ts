/** Bodies and answers of subresources that speak another kind than their resource. @module */
import type { GroupVersionKind, KubeObject, Status } from "#apimachinery";
import { lookup } from "#api";
import { decodeObject } from "../handlers/decode.ts";
import { negotiate } from "../handlers/negotiate.ts";
import { headerValue, type ApiRequest, type Result } from "../handlers/request.ts";

/** The body of a request as an object of another kind (Binding, Eviction, Scale, …). */
export function decodeForeign(request: ApiRequest, kind: GroupVersionKind): Promise<KubeObject> {
  return decodeObject(request, { kind, schema: lookup(kind) });
}

/** A value that is stored nowhere, in the format asked for. */
export function answer(request: ApiRequest, status: number, value: unknown): Result {
  const { format } = negotiate(headerValue(request, "accept"));
  return {
    type: "value",
    status,
    value,
    as: { contentType: `application/${format}`, format, pretty: false },
  };
}

export function success(status: number): Result {
  const value: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: status };
  return { type: "value", status, value };
}
