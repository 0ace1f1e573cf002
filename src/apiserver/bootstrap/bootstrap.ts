/** What happens once, after the state is loaded and before anybody is served; upstream's post-start hooks. @module */
import type { Clock, Logger } from "#apimachinery";
import {
  AUTO_UPDATE,
  bootstrapClusterRoleBindings,
  bootstrapClusterRoles,
  bootstrapRoleBindings,
  bootstrapRoles,
  type RbacObject,
} from "../authz/index.ts";
import { nthIp, type IpRange } from "#api/validation/ip-range";
import type { ApiServerOptions } from "../options.ts";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import { loopbackUser } from "../user-info.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import {
  createMissing,
  legacyTokenTracking,
  namespaceObjects,
  priorityClassObjects,
  type BootstrapObject,
} from "./bootstrap-objects.ts";
import { keepDefaultServiceCIDR } from "./default-service-cidr.ts";
import { reconcileRbac } from "./reconcile-rbac.ts";
import { kubernetesService } from "./kubernetes-service.ts";

const RBAC = "rbac.authorization.k8s.io";
/** Where upstream's API servers listen. */
export const DEFAULT_SECURE_PORT = 6443;

export interface BootstrapOptions {
  readonly options: ApiServerOptions;
  readonly registry: Registry;
  readonly watchCache: WatchCache;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of Service addresses; the first is that of the `kubernetes` Service. */
  readonly ranges: readonly IpRange[];
}

export async function bootstrap(parts: BootstrapOptions, signal: AbortSignal): Promise<void> {
  const { options, registry, clock, ranges } = parts;
  const { securePort = DEFAULT_SECURE_PORT, authorizer } = options;
  const context = systemContext(signal);
  // Services need a range to take their addresses from.
  await Promise.all([
    createMissing(registry, namespaceObjects(), context),
    keepDefaultServiceCIDR({ ...parts, cidrs: ranges.map(({ cidr }) => cidr), context }),
  ]);
  const service = kubernetesService({ clusterIP: nthIp(ranges[0]!, 1), securePort });
  // Roles that nobody reads are not written: somebody else authorizes.
  const roles = authorizer === undefined ? rbacObjects() : [];
  const own = authorizer === undefined ? (options.bootstrapRbac ?? []).map(toBootstrap) : [];
  await Promise.all([
    createMissing(registry, [service, legacyTokenTracking(clock.now()), ...priorityClassObjects()], context),
    reconcileRbac(registry, [...roles, ...own.filter(isCompleted)], context),
    createMissing(
      registry,
      own.filter((one) => !isCompleted(one)),
      context,
    ),
  ]);
}

/** By kind: those of RBAC have no irregular plural. */
function toBootstrap(object: RbacObject): BootstrapObject {
  return { resource: `${RBAC}/${object.kind.toLowerCase()}s`, object };
}

function isCompleted({ object }: BootstrapObject): boolean {
  return object.metadata.annotations?.[AUTO_UPDATE] === "true";
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
