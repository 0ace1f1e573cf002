/**
 * Prepares the ResourceClaims of pods before they start, and unprepares them after the last pod of a claim has ended, through
 * the plugins of their drivers.
 * @module
 */
import { type Clock, keyOf, type Logger, WakeablePause } from "#apimachinery";
import type { Container, Pod, ResourceStatus } from "#api/core/v1/types.gen";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import type { Client } from "#client";
import { describeError } from "../container/describe-error.ts";
import { uidOf } from "../container/pod-spec.ts";
import { KeyedLock } from "../keyed-lock.ts";
import { cdiDevicesOf, type ClaimInfo, claimKey, draClaim, newClaimInfo } from "./claim-info.ts";
import type { ClaimInfoCache } from "./claim-info-cache.ts";
import type { DRAMetrics } from "./dra-metrics.ts";
import type { DRAPlugin } from "./dra-plugin.ts";
import type { PluginDeviceHealth } from "./dra-tables.ts";
import type { DeviceId, HealthInfo } from "./health-info.ts";
import { checkClaim, containerClaims, podClaims } from "./pod-claims.ts";
import { claimStatuses } from "./resource-health.ts";

export interface DRAManagerOptions {
  readonly client: Pick<Client, "get">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cache: ClaimInfoCache;
  readonly health: HealthInfo;
  readonly metrics: DRAMetrics;
  /** Throws when there is no plugin of that driver. */
  readonly plugin: (driver: string) => DRAPlugin;
  /** Pods that hold resources of the node or are about to; undefined: not known yet. */
  readonly activePods: () => readonly Pod[] | undefined;
  /** The health of a device that this pod uses has changed. */
  readonly onHealth: (podUid: string) => void;
}

interface Wanted {
  readonly claim: ResourceClaim;
  readonly plugins: ReadonlyMap<string, DRAPlugin>;
}

/** Claims of pods that have gone unseen are looked for; upstream's. */
const RECONCILE_MS = 60_000;

export class DRAManager {
  readonly #options: DRAManagerOptions;
  /** Of claims: a pod that comes must not meet one that is just being unprepared. */
  readonly #locks = new KeyedLock();
  readonly #rest: WakeablePause;

  constructor(options: DRAManagerOptions) {
    this.#options = options;
    this.#rest = new WakeablePause(options.clock);
  }

  /** Before the pod's sandbox is made. Throws with why it cannot be made yet; may be called again. */
  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#timed("PrepareResources", "prepare dynamic resources", signal, async () => {
      const wanted = await this.#wanted(pod, signal);
      if (wanted.length === 0) return;
      const keys = wanted.map(({ claim }) => keyOf(claim));
      await this.#locks.run(keys, () => this.#prepareClaims(uidOf(pod), wanted, signal), signal);
    });
  }

  /** After the pod's containers have stopped. Throws while a driver does not let go; may be called again. */
  async unprepare(podUid: string, signal: AbortSignal): Promise<void> {
    await this.#timed("UnprepareResources", "unprepare dynamic resources", signal, async () => {
      const keys = this.#options.cache.ofPod(podUid).map(claimKey);
      if (keys.length > 0) await this.#locks.run(keys, () => this.#unprepareClaims(podUid, signal), signal);
    });
  }

  /** Claims of the pod are prepared, or may be. */
  holds(podUid: string): boolean {
    return this.#options.cache.ofPod(podUid).length > 0;
  }

  /** What the runtime is to give a container, by id. Throws when the pod's claims are not prepared. */
  cdiDevices(pod: Pod, container: Container): readonly string[] {
    const { namespace = "" } = pod.metadata;
    const ids = containerClaims(pod, container).flatMap(({ claimName, request }) => {
      const info = this.#options.cache.get({ namespace, name: claimName });
      if (info !== undefined) return cdiDevicesOf(info, request);
      const what = `ResourceClaim ${claimName} in namespace ${namespace}`;
      throw new Error(`internal error: unable to get claim info for ${what}`);
    });
    return [...new Set(ids)];
  }

  /** The claims that a container uses any part of. */
  claimsOf(pod: Pod, container: Container): readonly ClaimInfo[] {
    const { namespace = "" } = pod.metadata;
    const names = new Set(containerClaimsNow(pod, container).map(({ claimName }) => claimName));
    return [...names].flatMap((name) => this.#options.cache.get({ namespace, name }) ?? []);
  }

  /** For the container's status. */
  resourceStatus(pod: Pod, container: Container): readonly ResourceStatus[] {
    const { namespace = "" } = pod.metadata;
    const { cache, health } = this.#options;
    return claimStatuses(containerClaimsNow(pod, container), {
      claim: (name) => cache.get({ namespace, name }),
      health: (driver, device) => health.of(driver, device),
    });
  }

  /** A plugin has told of its devices; undefined: it no longer tells. */
  healthTold(driver: string, devices: readonly PluginDeviceHealth[] | undefined): void {
    const { cache, health, onHealth } = this.#options;
    const changed = devices === undefined ? health.clear(driver) : health.update(driver, devices);
    if (changed.length === 0) return;
    const isChanged = ({ poolName, deviceName }: DeviceId): boolean =>
      changed.some((one) => one.poolName === poolName && one.deviceName === deviceName);
    const claims = cache.list().filter(({ drivers }) => (drivers.get(driver) ?? []).some(isChanged));
    for (const uid of new Set(claims.flatMap(({ podUids }) => [...podUids]))) onHealth(uid);
  }

  /** Something may be possible now that was not before: pods are known, a driver is back. */
  checkSoon(): void {
    this.#rest.wake();
  }

  /** Looks for claims whose pods are gone, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#rest.wait(RECONCILE_MS, signal);
      if (!signal.aborted) await this.#reconcile(signal);
    }
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const { activePods, cache, logger } = this.#options;
    const active = activePods();
    if (active === undefined) return;
    const uids = new Set(active.map(uidOf));
    const gone = new Set(cache.list().flatMap(({ podUids }) => [...podUids].filter((uid) => !uids.has(uid))));
    for (const podUid of gone) {
      try {
        await this.unprepare(podUid, signal);
      } catch (err) {
        if (signal.aborted) return;
        const reason = describeError(err);
        logger.info("Unpreparing the claims of a pod that is gone failed, will retry", { podUid, reason });
      }
    }
  }

  async #timed(
    operation: "PrepareResources" | "UnprepareResources",
    what: string,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    const ended = (isError: boolean): void =>
      metrics.operation(operation, isError, clock.monotonicMs() - startMs);
    try {
      await work();
      ended(false);
    } catch (err) {
      signal.throwIfAborted();
      ended(true);
      throw new Error(`${what}: ${describeError(err)}`, { cause: err });
    }
  }

  /**
   * Looks whether everything can be prepared, and notes nothing before that: a pod whose driver was never here can then
   * go without asking it.
   */
  async #wanted(pod: Pod, signal: AbortSignal): Promise<readonly Wanted[]> {
    const { client, plugin } = this.#options;
    const { namespace = "" } = pod.metadata;
    const wanted: Wanted[] = [];
    const asked = podClaims(pod);
    if (asked.length === 0) return [];
    // Its rules bring a CEL compiler, which only nodes whose pods have claims are to hold.
    const { ResourceClaims } = await import("#api/resource/v1/resourceclaim");
    for (const podClaim of asked) {
      const claim = await client
        .get(ResourceClaims, { namespace, name: podClaim.claimName }, signal)
        .catch((err: unknown) => {
          const why = describeError(err);
          throw new Error(`fetch ResourceClaim ${podClaim.claimName}: ${why}`, { cause: err });
        });
      checkClaim(pod, claim, podClaim);
      const drivers = [...newClaimInfo(claim).drivers.keys()];
      wanted.push({ claim, plugins: new Map(drivers.map((driver) => [driver, plugin(driver)])) });
    }
    return wanted;
  }

  async #prepareClaims(podUid: string, wanted: readonly Wanted[], signal: AbortSignal): Promise<void> {
    const { cache, plugin } = this.#options;
    const unprepared: ClaimInfo[] = [];
    for (const { claim } of wanted) {
      const fresh = newClaimInfo(claim);
      const info = cache.get(fresh) ?? fresh;
      if (info.uid !== fresh.uid) {
        const what = `old ResourceClaim with same name ${info.name} and different UID ${info.uid}`;
        throw new Error(`${what} still exists (previous pod force-deleted?!)`);
      }
      cache.add(info);
      info.podUids.add(podUid);
      if (!info.isPrepared) unprepared.push(info);
    }
    // Before any driver is asked: whatever happens then, it is known what must be undone.
    await cache.save();
    const plugins = new Map(wanted.flatMap(({ plugins: known }) => [...known]));
    for (const [driver, claims] of byDriver(unprepared))
      await prepareBatch(driver, plugins.get(driver) ?? plugin(driver), claims, signal);
    for (const info of unprepared) info.isPrepared = true;
    if (unprepared.length > 0) await cache.save();
  }

  async #unprepareClaims(podUid: string, signal: AbortSignal): Promise<void> {
    const { cache, plugin } = this.#options;
    const last: ClaimInfo[] = [];
    for (const info of cache.ofPod(podUid)) {
      if (info.podUids.size > 1) info.podUids.delete(podUid);
      else last.push(info);
    }
    for (const [driver, claims] of byDriver(last)) {
      const results = await plugin(driver)
        .unprepare(claims.map(draClaim), signal)
        .catch((err: unknown) => rethrow("NodeUnprepareResources", err));
      check("NodeUnprepareResources", claims, results, (error) => error);
    }
    for (const info of last) cache.delete(info);
    await cache.save();
  }
}

/** Before its claims are known there is nothing to tell of a container. */
function containerClaimsNow(pod: Pod, container: Container): ReturnType<typeof containerClaims> {
  try {
    return containerClaims(pod, container);
  } catch {
    return [];
  }
}

function byDriver(claims: readonly ClaimInfo[]): ReadonlyMap<string, readonly ClaimInfo[]> {
  const drivers = new Set(claims.flatMap((info) => [...info.drivers.keys()]));
  return new Map([...drivers].map((driver) => [driver, claims.filter((info) => info.drivers.has(driver))]));
}

async function prepareBatch(
  driver: string,
  plugin: DRAPlugin,
  claims: readonly ClaimInfo[],
  signal: AbortSignal,
): Promise<void> {
  const results = await plugin
    .prepare(claims.map(draClaim), signal)
    .catch((err: unknown) => rethrow("NodePrepareResources", err));
  check("NodePrepareResources", claims, results, ({ error }) => error);
  for (const info of claims) info.drivers.set(driver, results.get(info.uid)?.devices ?? []);
}

/** Every claim that was asked about must be answered, and no other. */
function check<T>(
  call: string,
  claims: readonly ClaimInfo[],
  results: ReadonlyMap<string, T>,
  errorOf: (result: T) => string,
): void {
  for (const [uid, result] of results) {
    const claim = claims.find((info) => info.uid === uid);
    if (claim === undefined) throw new Error(`${call} returned result for unknown claim UID ${uid}`);
    const error = errorOf(result);
    if (error !== "") throw new Error(`${call} failed for ResourceClaim ${claim.name}: ${error}`);
  }
  const missing = claims.length - results.size;
  if (missing !== 0) throw new Error(`${call} skipped ${missing} ResourceClaims`);
}

function rethrow(call: string, err: unknown): never {
  throw new Error(`${call}: ${describeError(err)}`, { cause: err });
}
