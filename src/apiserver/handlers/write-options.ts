/** The query of a write: dryRun, fieldManager, fieldValidation. @module */
import { FIELD_MANAGER_BYTES_MAX, invalid, validateWriteOptions, type Kind } from "#apimachinery";
import type { RequestContext } from "../registry/context.ts";
import { headerValue, queryValue, type ApiRequest } from "./request.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

/** `optionsKind` names the options in messages: `CreateOptions`; `requestKind` is the version of the path. */
export function writeContextOf(request: ApiRequest, optionsKind: string, requestKind?: Kind): RequestContext {
  const dryRun = request.query.getAll("dryRun").filter((value) => value !== "");
  const fieldManager = queryValue(request, "fieldManager");
  const fieldValidation = queryValue(request, "fieldValidation");
  const causes = validateWriteOptions({ dryRun, fieldManager, fieldValidation });
  if (causes.length > 0) throw invalid({ group: "meta.k8s.io", kind: optionsKind }, "", causes);
  return contextOf(request, requestKind, {
    dryRun: dryRun.length > 0,
    fieldManager: fieldManager === "" ? managerOfUserAgent(headerValue(request, "user-agent")) : fieldManager,
    options: {
      ...(fieldManager !== "" && { fieldManager }),
      ...(fieldValidation !== "" && { fieldValidation }),
    },
  });
}

const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** What every write takes from its request, with its own options. The signal is made only for who asks for it. */
export function contextOf(
  request: ApiRequest,
  requestKind: Kind | undefined,
  { dryRun, fieldManager, options = {} }: Pick<RequestContext, "dryRun" | "fieldManager" | "options">,
): RequestContext {
  return {
    user: request.user,
    verb: VERBS[request.method] ?? "",
    dryRun,
    fieldManager,
    options,
    get signal() {
      return request.signal;
    },
    ...(requestKind !== undefined && { requestKind }),
    warn: (message) => request.warn(message),
    ...(request.audit !== undefined && { audit: request.audit }),
    waited: (ms) => request.waited?.(ms),
  };
}

export function fieldValidationOf(request: ApiRequest): FieldValidation {
  const value = queryValue(request, "fieldValidation");
  return value === "Ignore" || value === "Strict" ? value : "Warn";
}

const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;
/** Clients that are remembered; there are as many as there are programs. */
const MANAGERS_MAX = 256;
const managers = new Map<string, string>();

/** `kubectl/v1.36 (linux/amd64)` manages as `kubectl`. */
function managerOfUserAgent(userAgent: string): string {
  const name = userAgent.split("/", 1)[0]!;
  let manager = managers.get(name);
  if (manager === undefined) {
    manager = name.replaceAll(UNPRINTABLE, "").slice(0, FIELD_MANAGER_BYTES_MAX) || "unknown";
    if (managers.size >= MANAGERS_MAX) managers.clear();
    managers.set(name, manager);
  }
  return manager;
}
