/** Puts the parts of an API server together. @module */
import { silentLogger, systemClock, type Clock, type Logger } from "#apimachinery";
import { newScheme, scheme as builtinScheme } from "#api";
import type { Store } from "#storage";
import { conversionWebhook, CustomResources, DEFINITIONS, definitionHooks } from "./crd/index.ts";
import { Aggregator, API_SERVICES, apiServiceHooks, AuthenticationConfig } from "./aggregation/index.ts";
import { registryLookup, type ObjectLookup } from "./admission/object-lookup.ts";
import { webhookAgent } from "./admission/webhook/call.ts";
import { serviceResolver } from "./admission/webhook/target.ts";
import { openAuditor } from "./audit/auditor.ts";
import { feedRbacIndex } from "./authz-feed.ts";
import { defaultAdmission } from "./default-admission.ts";
import { defaultAuthorizer } from "./default-authorizer.ts";
import { resolveRules, type RbacIndex } from "./authz/index.ts";
import { bootstrap, systemContext } from "./bootstrap/bootstrap.ts";
import { KubeletConnection } from "./connect/kubelet-connection.ts";
import { Dispatcher } from "./handlers/dispatch.ts";
import { Encryption } from "./encryption/index.ts";
import type { HandlerContext } from "./handlers/handler-context.ts";
import type { Route } from "./http/route.ts";
import { newServerMetrics, type ServerMetrics } from "./http/server-metrics.ts";
import type { ApiServer, ApiServerOptions, Limits } from "./options.ts";
import { defaultLimits } from "./options.ts";
import { certificateRequestHooks } from "./registry/core/certificate-request-hooks.ts";
import { deviceTaintRuleHooks } from "./registry/core/device-taint-rule-hooks.ts";
import { podCertificateRequestHooks } from "./registry/core/pod-certificate-request-hooks.ts";
import { persistentVolumeHooks } from "./registry/core/persistent-volume-hooks.ts";
import { startEventTtl } from "./registry/core/event-ttl.ts";
import { serviceRangesOfFlag } from "./registry/core/service-ranges.ts";
import { namespaceHooks } from "./registry/core/namespace-hooks.ts";
import { Services } from "./registry/core/services.ts";
import { newFieldManager } from "./registry/managed-fields.ts";
import { cryptoRandom } from "./random.ts";
import { deviceAdminHooks } from "./registry/device-admin-hooks.ts";
import { policyParamHooks } from "./registry/policy-param-hooks.ts";
import { rbacHooks } from "./registry/rbac-hooks.ts";
import { Registry, resourceCacheOptions } from "./registry/registry.ts";
import { ServedKinds } from "./registry/served-kinds.ts";
import { meteredStore } from "./registry/store-metrics.ts";
import type { ResourceHooks } from "./registry/resource-hooks.ts";
import { RunningServer, type RunningServerParts } from "./running-server.ts";
import { subresourceHandlers, virtualHandlers } from "./subresources/subresource-handlers.ts";
import type { Authorizer } from "./user-info.ts";
import { WatchCache } from "./watchcache/watch-cache.ts";

const SERVICE_CIDR = "10.96.0.0/12";
const NODE_PORTS = { from: 30_000, to: 32_767 };

/** Loads the state of the store, creates what every cluster has, and serves. Listens nowhere until told. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const closing = new AbortController();
  try {
    return await assemble(options, closing);
  } catch (err) {
    closing.abort(err); // nothing of a server that failed to start goes on watching the store
    throw err;
  }
}

async function assemble(options: ApiServerOptions, closing: AbortController): Promise<ApiServer> {
  const { clock = systemClock, random = cryptoRandom, logger = silentLogger } = options;
  const metrics = newServerMetrics(clock);
  const { store, encryption } = await openStores(options, metrics, clock, logger);
  const auditor = await openAuditor(options.audit, { clock, random, logger });
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const kinds = new ServedKinds(options.kinds === undefined ? builtinScheme : newScheme(options.kinds));
  const ranges = serviceRangesOfFlag(options.serviceCIDR ?? SERVICE_CIDR);
  const families = ranges.map(({ family }) => family);
  const { signal } = closing;
  const common = { options, clock, random, logger, limits };
  const resourceOptions = resourceCacheOptions(kinds, limits, options.freezeObjects ?? false);
  const watchCache = new WatchCache({ store, clock, logger, resourceOptions });
  await watchCache.start(signal);
  encryption?.follow(() => watchCache.readAgain(), signal);

  const findRegistry = (): Registry => registry;
  const nodePorts = options.nodePortRange ?? NODE_PORTS;
  const own = { context: systemContext(signal), transport: () => server.transport() };
  const { hostname } = options;
  const serving = { registry: findRegistry, store, watchCache, nodePorts, families, hostname };
  const services = new Services({ ...common, ...own, ...serving });
  const lookup = registryLookup(() => registry);
  const rbac = options.authorizer === undefined ? feedRbacIndex(watchCache, signal) : undefined;
  const authorizer = options.authorizer ?? defaultAuthorizer(watchCache, rbac!, options.authorization);
  const findKind: Registry["findKind"] = (apiVersion, kind) => registry.findKind(apiVersion, kind);
  const hooks = kindHooks({ clock, services, authorizer, rbac, lookup, findKind });
  const resolve = options.resolveService ?? serviceResolver(lookup, random);
  const agent = webhookAgent(signal);
  const parts = { ...common, lookup, registry: findRegistry, authorizer };
  const admission = defaultAdmission({ ...parts, resolve, agent, signal, metrics: metrics.admission });
  const fieldManager = options.managedFields === false ? undefined : newFieldManager();
  const registry = new Registry({
    kinds,
    store,
    watchCache,
    clock,
    random,
    admission,
    fieldManager,
    hooks,
    limits,
    relaxedDurability: options.relaxedDurability ?? true,
    isStale: encryption && ((key) => encryption.store.isStale(key)),
  });
  const webhook = conversionWebhook({ resolve, clock, agent });
  const followed = { kinds, watchCache, signal };
  const custom = new CustomResources({ ...common, ...followed, registry: findRegistry, webhook });
  custom.follow();
  const aggregator = new Aggregator({ ...parts, ...followed });
  aggregator.follow();
  const running = { store, encryption, metrics, auditor, registry, watchCache, closing, authorizer };
  const server = new RunningServer({ ...common, ...running });
  const context = { clock, registry, admission, authorizer, fieldManager, metrics: metrics.requests };
  server.use(newDispatcher(common, context, { routes: server.routes(kinds, aggregator), lookup, rbac }));
  await bootstrap({ ...common, registry, watchCache, ranges }, signal);
  await services.start();
  await server.startFlowControl();
  const events = registry.findStore("core/events");
  if (events !== undefined) startEventTtl({ events, clock, logger, context: own.context });
  custom.start();
  await Promise.all([aggregator.start(), new AuthenticationConfig({ ...parts, signal }).start()]);
  server.ready();
  return server;
}

interface HookParts {
  readonly clock: Clock;
  readonly services: Services;
  readonly authorizer: Authorizer;
  readonly rbac: RbacIndex | undefined;
  readonly lookup: ObjectLookup;
  readonly findKind: Registry["findKind"];
}

/** What kinds do besides being stored. */
function kindHooks({
  clock,
  services,
  authorizer,
  rbac,
  lookup,
  findKind,
}: HookParts): Map<string, ResourceHooks> {
  const now = (): number => clock.now();
  return new Map<string, ResourceHooks>([
    ["core/namespaces", namespaceHooks],
    ["core/services", services.hooks],
    ["core/persistentvolumes", persistentVolumeHooks(now)],
    [DEFINITIONS, definitionHooks(now)],
    [API_SERVICES, apiServiceHooks(now)],
    ["certificates.k8s.io/certificatesigningrequests", certificateRequestHooks(now)],
    ["certificates.k8s.io/podcertificaterequests", podCertificateRequestHooks(now, authorizer)],
    ["resource.k8s.io/devicetaintrules", deviceTaintRuleHooks(now)],
    ...(rbac === undefined ? [] : rbacHooks(rbac, authorizer)),
    ...deviceAdminHooks(lookup, authorizer),
    ...policyParamHooks({ authorizer, findKind, lookup }),
  ]);
}

/** The store as the server sees it: measured, and decrypted. */
async function openStores(
  options: ApiServerOptions,
  metrics: ServerMetrics,
  clock: Clock,
  logger: Logger,
): Promise<{ readonly store: Store; readonly encryption: Encryption | undefined }> {
  const store = meteredStore(options.store, metrics.store, clock);
  if (options.encryption === undefined) return { store, encryption: undefined };
  const { hostname } = options;
  const encryption = await Encryption.open(options.encryption, { store, hostname, clock, logger });
  return { store: encryption.store, encryption };
}

interface DispatcherParts {
  readonly routes: readonly Route[];
  readonly lookup: ObjectLookup;
  readonly rbac: RbacIndex | undefined;
}

function newDispatcher(
  { options, clock, random }: Pick<RunningServerParts, "options" | "clock" | "random">,
  context: HandlerContext,
  { routes, lookup, rbac }: DispatcherParts,
): Dispatcher {
  const { store, tokenIssuer, authenticator, kubeletClient } = options;
  const kubelets = new KubeletConnection(lookup, kubeletClient);
  return new Dispatcher({
    context,
    routes,
    subresources: subresourceHandlers({ kubelets, clock, random, tokenIssuer }),
    virtual: virtualHandlers({
      store,
      authenticator,
      authorizer: context.authorizer,
      tokens: options.tokens,
      apiAudiences: options.apiAudiences,
      rulesFor:
        rbac && ((user, namespace) => resolveRules(rbac, options.authorization?.modes(), user, namespace)),
    }),
  });
}
