/** The `kubernetes` ServiceCIDR: the range that the server was started with, there and ready. @module */
import { formatTime, type Clock, type KubeObject, type Logger } from "#apimachinery";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import { SERVICE_CIDRS } from "../registry/core/service-addresses.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import { createMissing } from "./bootstrap-objects.ts";

const NAME = "kubernetes";
const INTERVAL_MS = 10_000;

export interface DefaultServiceCIDROptions {
  readonly registry: Registry;
  readonly watchCache: WatchCache;
  readonly cidr: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly context: RequestContext;
}

/** Creates it, and looks every ten seconds whether it is still there. A range that somebody changed is left alone. */
export async function keepDefaultServiceCIDR(options: DefaultServiceCIDROptions): Promise<void> {
  if (options.registry.findStore(SERVICE_CIDRS) === undefined) return;
  let isTold = false;
  const pass = async (): Promise<void> => {
    const found = await ensure(options);
    const isOther = found !== undefined && found.spec?.cidrs?.[0] !== options.cidr;
    if (isOther && !isTold) {
      const { cidr, logger } = options;
      logger.warn("The default ServiceCIDR is not the one that the server was started with", {
        cidrs: found.spec?.cidrs,
        cidr,
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
  const { registry, watchCache, cidr, context } = options;
  const store = registry.store(SERVICE_CIDRS);
  let found = store.cache.get(NAME)?.object as ServiceCIDR | undefined;
  if (found === undefined) {
    const object: ServiceCIDR = {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name: NAME },
      spec: { cidrs: [cidr] },
    };
    await createMissing(registry, [{ resource: SERVICE_CIDRS, object }], context);
    await watchCache.sync();
    found = store.cache.get(NAME)?.object as ServiceCIDR | undefined;
  }
  if (found !== undefined && lacksReady(found, cidr)) await setReady(options);
  return found;
}

function lacksReady({ metadata, spec, status }: ServiceCIDR, cidr: string): boolean {
  const isOurs = spec?.cidrs?.length === 1 && spec.cidrs[0] === cidr;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return isOurs && metadata.deletionTimestamp === undefined && ready === undefined;
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
