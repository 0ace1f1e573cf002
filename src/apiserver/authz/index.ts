/** Public surface of authorization: who may do what. @module */
export { alwaysAllowPaths } from "./always-allow-paths.ts";
export { authorizerChain } from "./chain.ts";
export { forbiddenError } from "./forbidden.ts";
export { nodeAuthorizer, nodeNameOf } from "./node/node-authorizer.ts";
export { nodeGraph } from "./node/node-graph.ts";
export { privilegedGroups } from "./privileged-groups.ts";
export {
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  bootstrapRoleBindings,
  bootstrapRoles,
} from "./rbac/bootstrap-policy.ts";
export { rbacAuthorizer, rulesFor } from "./rbac/rbac-authorizer.ts";
export { RbacIndex, type RbacObject, type RbacSink } from "./rbac/rbac-index.ts";
export { AUTO_UPDATE, planReconciliation } from "./rbac/reconcile.ts";
export { escalationRefusal } from "./rbac/escalation.ts";
export { resolveRules, type ResolvedRules } from "./rule-resolver.ts";
export { selectorsOfQuery, selectorsOfReview } from "./selectors.ts";
export {
  openAuthorization,
  type AuthorizationModes,
  type ConfiguredAuthorization,
} from "./configuration/configured-authorization.ts";
export { loadAuthorizationConfiguration } from "./configuration/load.ts";
export type { AuthorizationConfiguration, WebhookSpec } from "./configuration/types.ts";
