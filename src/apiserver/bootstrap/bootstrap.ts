/** What happens once, after the state is loaded and before anybody is served; upstream's post-start hooks. @module */
import {
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  bootstrapRoleBindings,
  bootstrapRoles,
} from "../authz/index.ts";
import type { ApiServerOptions } from "../options.ts";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import { loopbackUser } from "../user-info.ts";
import {
  createMissing,
  namespaceObjects,
  priorityClassObjects,
  type BootstrapObject,
} from "./bootstrap-objects.ts";
import { reconcileRbac } from "./reconcile-rbac.ts";
import { kubernetesService } from "./kubernetes-service.ts";

const RBAC = "rbac.authorization.k8s.io";
/** Where upstream's API servers listen. */
export const DEFAULT_SECURE_PORT = 6443;

export async function bootstrap(
  registry: Registry,
  serviceIP: string,
  { securePort = DEFAULT_SECURE_PORT, authorizer }: ApiServerOptions,
  signal: AbortSignal,
): Promise<void> {
  const context = systemContext(signal);
  await createMissing(registry, namespaceObjects(), context);
  const service = kubernetesService({ clusterIP: serviceIP, securePort });
  // Roles that nobody reads are not written: somebody else authorizes.
  const roles = authorizer === undefined ? rbacObjects() : [];
  await Promise.all([
    createMissing(registry, [service, ...priorityClassObjects()], context),
    reconcileRbac(registry, roles, context),
  ]);
}

/** The server's own writes. */
export function systemContext(signal: AbortSignal): RequestContext {
  const fieldManager = "kube-apiserver";
  return { user: loopbackUser, signal, dryRun: false, fieldManager, isOwn: true, warn: () => {} };
}

function rbacObjects(): readonly BootstrapObject[] {
  return [
    ...bootstrapClusterRoles().map((object) => ({ resource: `${RBAC}/clusterroles`, object })),
    ...bootstrapClusterRoleBindings().map((object) => ({ resource: `${RBAC}/clusterrolebindings`, object })),
    ...bootstrapRoles().map((object) => ({ resource: `${RBAC}/roles`, object })),
    ...bootstrapRoleBindings().map((object) => ({ resource: `${RBAC}/rolebindings`, object })),
  ];
}
