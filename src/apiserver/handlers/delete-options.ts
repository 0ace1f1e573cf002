/** The options of a delete: a body of their own kind, or, when there is none, the query. @module */
import {
  badRequest,
  decodeTyped,
  DecodeError,
  invalid,
  isJsonObject,
  validateDeleteOptions,
  type StructSchema,
} from "#apimachinery";
import { lookupType } from "#api";
import { isTrue } from "../http/request-info.ts";
import { parseInteger } from "../registry/list-options.ts";
import type { DeleteOptions } from "../registry/plan-delete.ts";
import { decodeBody } from "./decode.ts";
import { queryValue, type ApiRequest } from "./request.ts";

const TYPE = { apiVersion: "v1", kind: "DeleteOptions" };

/** Throws BadRequest for what cannot be read, Invalid for what cannot be meant. */
export async function readDeleteOptions(request: ApiRequest): Promise<DeleteOptions> {
  const body = await request.body();
  const isEmpty = body.type === "bytes" ? body.bytes.length === 0 : body.value === undefined;
  const options = isEmpty ? fromQuery(request) : fromBody(decodeBody(body, TYPE));
  if (!isEmpty) request.audit?.recordRequest({ ...TYPE, ...options });
  const causes = validateDeleteOptions(options);
  if (causes.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", causes);
  return options;
}

function fromBody(value: unknown): DeleteOptions {
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw badRequest("the body of a delete request must be a DeleteOptions object");
  const { kind = TYPE.kind, apiVersion = TYPE.apiVersion } = value;
  if (kind !== TYPE.kind) {
    const version = JSON.stringify(apiVersion);
    throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${version}`);
  }
  try {
    const schema = lookupType("meta/v1", "DeleteOptions") as StructSchema;
    const { kind: _kind, apiVersion: _apiVersion, ...options } = decodeTyped(value, schema).object;
    return options;
  } catch (cause) {
    if (cause instanceof DecodeError) throw badRequest(cause.message);
    throw cause;
  }
}

function fromQuery(request: ApiRequest): DeleteOptions {
  const grace = queryValue(request, "gracePeriodSeconds");
  const policy = queryValue(request, "propagationPolicy");
  const orphan = request.query.get("orphanDependents");
  const uid = queryValue(request, "uid");
  const dryRun = request.query.getAll("dryRun").filter((value) => value !== "");
  return {
    ...(grace !== "" && { gracePeriodSeconds: parseInteger(grace) }),
    ...(policy !== "" && { propagationPolicy: policy }),
    ...(orphan !== null && { orphanDependents: isTrue(orphan) }),
    ...(uid !== "" && { preconditions: { uid } }),
    ...(dryRun.length > 0 && { dryRun }),
  };
}
