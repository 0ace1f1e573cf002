/** Puts the parts of an API server together. @module */
import { silentLogger, systemClock } from "#apimachinery";
import { newScheme, scheme as builtinScheme } from "#api";
import { conversionWebhook, CustomResources, DEFINITIONS, definitionHooks } from "./crd/index.ts";
import { defaultPlugins } from "./admission/default-plugins.ts";
import { registryLookup } from "./admission/object-lookup.ts";
import { AdmissionChain } from "./admission/plugin.ts";
import { quotaAccess } from "./admission/quota/quota-access.ts";
import { webhookAgent } from "./admission/webhook/call.ts";
import { serviceResolver } from "./admission/webhook/target.ts";
import { feedRbacIndex } from "./authz-feed.ts";
import { rbacAuthorizer, rulesFor } from "./authz/index.ts";
import { bootstrap, systemContext } from "./bootstrap/bootstrap.ts";
import { KubeletConnection } from "./connect/kubelet-connection.ts";
import { Dispatcher } from "./handlers/dispatch.ts";
import type { ApiServer, ApiServerOptions, Limits } from "./options.ts";
import { defaultLimits } from "./options.ts";
import { startCompactor } from "./registry/compactor.ts";
import { certificateRequestHooks } from "./registry/core/certificate-request-hooks.ts";
import { startEventTtl } from "./registry/core/event-ttl.ts";
import { firstServiceIp, parseIpRange } from "./registry/core/ip-range.ts";
import { namespaceHooks } from "./registry/core/namespace-hooks.ts";
import { ServiceAllocator } from "./registry/core/service-allocator.ts";
import { newFieldManager } from "./registry/managed-fields.ts";
import { cryptoRandom } from "./random.ts";
import { rbacHooks } from "./registry/rbac-hooks.ts";
import { Registry, resourceCacheOptions } from "./registry/registry.ts";
import { ServedKinds } from "./registry/served-kinds.ts";
import type { ResourceHooks } from "./registry/resource-hooks.ts";
import { RunningServer } from "./running-server.ts";
import { subresourceHandlers, virtualHandlers } from "./subresources/subresource-handlers.ts";
import { WatchCache } from "./watchcache/watch-cache.ts";

const SERVICE_CIDR = "10.96.0.0/12";
const NODE_PORTS = { from: 30_000, to: 32_767 };

/** Loads the state of the store, creates what every cluster has, and serves. Listens nowhere until told. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, clock = systemClock, random = cryptoRandom, logger = silentLogger } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const kinds = new ServedKinds(options.kinds === undefined ? builtinScheme : newScheme(options.kinds));
  const range = parseIpRange(options.serviceCIDR ?? SERVICE_CIDR);
  const closing = new AbortController();
  const resourceOptions = resourceCacheOptions(kinds, limits, options.freezeObjects ?? false);
  const watchCache = new WatchCache({ store, clock, logger, resourceOptions });
  await watchCache.start(closing.signal);

  const services = new ServiceAllocator({ range, nodePorts: options.nodePortRange ?? NODE_PORTS, random });
  for (const service of watchCache.resource("core/services").list()) services.adopt(service.object);
  const hooks = new Map<string, ResourceHooks>([
    ["core/namespaces", namespaceHooks],
    ["core/services", services.hooks()],
    [DEFINITIONS, definitionHooks(() => clock.now())],
    ["certificates.k8s.io/certificatesigningrequests", certificateRequestHooks],
  ]);
  const lookup = registryLookup(() => registry);
  const rbac = options.authorizer === undefined ? feedRbacIndex(watchCache) : undefined;
  const authorizer = options.authorizer ?? rbacAuthorizer(rbac!);
  if (rbac !== undefined) for (const [resource, own] of rbacHooks(rbac, authorizer)) hooks.set(resource, own);
  const resolve = options.resolveService ?? serviceResolver(lookup, random);
  const agent = webhookAgent(closing.signal);
  const admission = new AdmissionChain(
    defaultPlugins({
      lookup,
      quotas: quotaAccess(lookup, () => registry, closing.signal),
      webhooks: {
        lookup,
        versionsOf: (resource) => registry.versionsOf(resource),
        resolve,
        clock,
        random,
        agent,
        logger,
      },
      authorizer,
      clock,
      random,
      enabled: options.enabledAdmissionPlugins ?? [],
      disabled: options.disabledAdmissionPlugins ?? [],
    }),
  );
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
  });
  const custom = new CustomResources({
    kinds,
    watchCache,
    registry: () => registry,
    clock,
    logger,
    webhook: conversionWebhook({ resolve, clock, agent }),
    signal: closing.signal,
  });
  custom.follow();
  const server = new RunningServer({
    options,
    clock,
    random,
    logger,
    limits,
    registry,
    watchCache,
    closing,
    authorizer,
  });
  const kubelets = new KubeletConnection(lookup, options.kubeletClient);
  const { tokenIssuer, authenticator } = options;
  server.use(
    new Dispatcher({
      context: { clock, registry, admission, authorizer, fieldManager },
      routes: server.routes(kinds),
      subresources: subresourceHandlers({ kubelets, clock, random, tokenIssuer }),
      virtual: virtualHandlers({
        store,
        authenticator,
        authorizer,
        rulesFor: rbac && ((user, namespace) => rulesFor(rbac, user, namespace)),
      }),
    }),
  );
  await bootstrap(registry, firstServiceIp(range), options, closing.signal);
  startCompactor(store, clock, logger, closing.signal);
  const events = registry.findStore("core/events");
  if (events !== undefined) {
    startEventTtl({ events, clock, logger, context: systemContext(closing.signal) });
  }
  custom.start();
  server.ready();
  return server;
}
