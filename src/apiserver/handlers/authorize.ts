/** Asks the authorizer about a request, and words its refusal. @module */
import { fields } from "#apimachinery";
import { forbiddenError, selectorsOfQuery } from "../authz/index.ts";
import type { RequestInfo } from "../http/request-info.ts";
import {
  SYSTEM_MASTERS,
  type AuthorizationAttributes,
  type Authorizer,
  type Decision,
  type UserInfo,
} from "../user-info.ts";
import type { HandlerContext, ResourceRequest } from "./handler-context.ts";
import type { ApiRequest } from "./request.ts";

/**
 * Whether the request may go on, which its audit event notes with the reason. Throws Forbidden.
 */
export async function authorizeRequest(
  { authorizer, clock, metrics }: Pick<HandlerContext, "authorizer" | "clock" | "metrics">,
  request: ApiRequest,
  info: RequestInfo,
): Promise<void> {
  const { user, audit } = request;
  const startedMs = metrics === undefined ? 0 : clock.monotonicMs();
  // masters may do everything: what they ask for need not even be put together
  const asked = user.groups.includes(SYSTEM_MASTERS)
    ? MASTER
    : authorizer.authorize(authorizationAttributes(user, info, request.query));
  const decision = asked instanceof Promise ? await asked : asked;
  const result = decision.allowed ? "allowed" : decision.denied === true ? "denied" : "no-opinion";
  metrics?.authorized(result, (clock.monotonicMs() - startedMs) / 1000);
  audit?.addAuditAnnotation("authorization.k8s.io/decision", decision.allowed ? "allow" : "forbid");
  audit?.addAuditAnnotation("authorization.k8s.io/reason", decision.reason ?? "");
  if (decision.allowed) return;
  throw forbiddenError(authorizationAttributes(user, info, request.query), decision);
}

const MASTER: Decision = { allowed: true };

async function authorize(authorizer: Authorizer, request: ApiRequest, info: RequestInfo): Promise<void> {
  const { user } = request;
  if (user.groups.includes(SYSTEM_MASTERS)) return;
  const attributes = authorizationAttributes(user, info, request.query);
  const asked = authorizer.authorize(attributes);
  const decision = asked instanceof Promise ? await asked : asked;
  if (!decision.allowed) throw forbiddenError(attributes, decision);
}

/** An update or apply that turns out to create needs that permission too. */
export function authorizeCreate({ request, info, context }: ResourceRequest): Promise<void> {
  return authorize(context.authorizer, request, { ...info, verb: "create" });
}

export function authorizationAttributes(
  user: UserInfo,
  info: RequestInfo,
  query: URLSearchParams,
): AuthorizationAttributes {
  const { isResourceRequest, verb, path, group, version, namespace, resource, subresource } = info;
  const selectors = selectorsOfQuery(verb, query);
  // A list or watch of one object by name counts as a request for that name.
  const name =
    info.name !== "" || selectors.fieldSelector === undefined
      ? info.name
      : (fields.requiresExactMatch(selectors.fieldSelector, "metadata.name") ?? "");
  const what = {
    user,
    verb,
    isResourceRequest,
    path,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
  };
  return { ...what, ...selectors };
}
