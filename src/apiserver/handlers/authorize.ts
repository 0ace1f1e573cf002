/** Asks the authorizer about a request, and words its refusal. @module */
import { fields } from "#apimachinery";
import { forbiddenError } from "../authz/index.ts";
import type { RequestInfo } from "../http/request-info.ts";
import {
  SYSTEM_MASTERS,
  type AuthorizationAttributes,
  type Authorizer,
  type UserInfo,
} from "../user-info.ts";
import type { ResourceRequest } from "./handler-context.ts";
import type { ApiRequest } from "./request.ts";

export async function authorize(
  authorizer: Authorizer,
  request: ApiRequest,
  info: RequestInfo,
): Promise<void> {
  const { user } = request;
  if (user.groups.includes(SYSTEM_MASTERS)) return;
  const attributes = attributesOf(user, info, request.query);
  const asked = authorizer.authorize(attributes);
  const decision = asked instanceof Promise ? await asked : asked;
  if (!decision.allowed) throw forbiddenError(attributes, decision);
}

/** An update or apply that turns out to create needs that permission too. */
export function authorizeCreate({ request, info, context }: ResourceRequest): Promise<void> {
  return authorize(context.authorizer, request, { ...info, verb: "create" });
}

function attributesOf(user: UserInfo, info: RequestInfo, query: URLSearchParams): AuthorizationAttributes {
  const { isResourceRequest, verb, path, group, version, namespace, resource, subresource } = info;
  const name = info.name === "" ? nameInSelector(info, query) : info.name;
  return { user, verb, isResourceRequest, path, group, version, resource, subresource, namespace, name };
}

/** A list or watch of one object by name counts as a request for that name. */
function nameInSelector({ verb }: RequestInfo, query: URLSearchParams): string {
  const selector = query.get("fieldSelector");
  if (selector === null || !["list", "watch", "deletecollection"].includes(verb)) return "";
  try {
    return fields.requiresExactMatch(fields.parse(selector), "metadata.name") ?? "";
  } catch (err) {
    // A selector that cannot be read names nothing here; the handler refuses it with its reason.
    if (err instanceof fields.FieldSelectorError) return "";
    throw err;
  }
}
