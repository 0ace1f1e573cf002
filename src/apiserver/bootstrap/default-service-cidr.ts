/** The `kubernetes` ServiceCIDR: the ranges that the server was started with, there and ready. @module */
import { formatTime, type Clock, type KubeObject, type Logger } from "#apimachinery";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import { SERVICE_CIDRS } from "../registry/core/service-addresses.ts";
import { START_PATIENCE_MS, type WatchCache } from "../watchcache/watch-cache.ts";
import { createMissing } from "./bootstrap-objects.ts";

const NAME = "kubernetes";
const INTERVAL_MS = 10_000;

export interface DefaultServiceCIDROptions {
  readonly registry: Registry;
  readonly watchCache: WatchCache;
  readonly cidrs: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly context: RequestContext;
}

/** Creates it, and looks every ten seconds whether it is still there. A second family is added; else a range that somebody changed is left alone. */
export async function keepDefaultServiceCIDR(options: DefaultServiceCIDROptions): Promise<void> {
  if (options.registry.findStore(SERVICE_CIDRS) === undefined) return;
  let isTold = false;
  const pass = async (): Promise<void> => {
    const found = await ensure(options);
    const isOther = found !== undefined && !isOurs(found, options.cidrs);
    if (isOther && !isTold) {
      const { cidrs: wanted, logger } = options;
      logger.warn("The default ServiceCIDR is not the one that the server was started with", {
        cidrs: found.spec?.cidrs,
        wanted,
      });
    }
    isTold = isOther;
  };
  const again = (): void => {
    const { clock, context, logger } = options;
    clock.after(INTERVAL_MS, () => {
      if (context.signal.aborted) return;
      void pass()
        .catch((err: unknown) => logger.error("The default ServiceCIDR could not be written", { err }))
        .finally(again);
    });
  };
  await pass();
  again();
}

/** What is there already. */
async function ensure(options: DefaultServiceCIDROptions): Promise<ServiceCIDR | undefined> {
  const { registry, watchCache, cidrs, context } = options;
  const store = registry.store(SERVICE_CIDRS);
  let found = store.cache.get(NAME)?.object as ServiceCIDR | undefined;
  if (found === undefined) {
    const object: ServiceCIDR = {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name: NAME },
      spec: { cidrs },
    };
    await createMissing(registry, [{ resource: SERVICE_CIDRS, object }], context);
    await watchCache.sync(START_PATIENCE_MS);
    found = store.cache.get(NAME)?.object as ServiceCIDR | undefined;
  }
  if (found !== undefined && lacksFamily(found, cidrs)) {
    const transform = (stored: KubeObject | undefined): KubeObject =>
      lacksFamily(stored as ServiceCIDR, cidrs) ? ({ ...stored!, spec: { cidrs } } as KubeObject) : stored!;
    found = (await store.update("", NAME, { subresource: "", mayCreate: false, transform }, context)).object
      .object as ServiceCIDR;
  }
  if (found !== undefined && lacksReady(found, cidrs)) await setReady(options);
  return found;
}

/** The cluster became one of two families. */
function lacksFamily({ spec }: ServiceCIDR, cidrs: readonly string[]): boolean {
  return cidrs.length === 2 && spec?.cidrs?.length === 1 && spec.cidrs[0] === cidrs[0];
}

function lacksReady(serviceCIDR: ServiceCIDR, cidrs: readonly string[]): boolean {
  const { metadata, status } = serviceCIDR;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return isOurs(serviceCIDR, cidrs) && metadata.deletionTimestamp === undefined && ready === undefined;
}

function isOurs({ spec }: ServiceCIDR, cidrs: readonly string[]): boolean {
  return spec?.cidrs?.length === cidrs.length && cidrs.every((cidr, i) => spec.cidrs![i] === cidr);
}

async function setReady({ registry, clock, context }: DefaultServiceCIDROptions): Promise<void> {
  const condition = {
    type: "Ready",
    status: "True",
    reason: "",
    message: "Kubernetes default Service CIDR is ready",
    lastTransitionTime: formatTime(clock.now()),
  };
  const transform = (stored: KubeObject | undefined): KubeObject => {
    const { status = {}, ...rest } = stored as ServiceCIDR;
    if (status.conditions?.some(({ type }) => type === "Ready") === true) return stored!;
    const conditions = [...(status.conditions ?? []), condition];
    return { ...rest, status: { ...status, conditions } } as KubeObject;
  };
  const update = { subresource: "status", mayCreate: false, transform };
  await registry.store(SERVICE_CIDRS).update("", NAME, update, context);
}
