/** Which devices are in use: by what the API says, by what this scheduler has written, and by what it is about to. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { DeviceTaintRules } from "#api/resource/v1/devicetaintrule";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import { withRuleTaints } from "#api/resource/v1/taint-rules";
import type {
  AllocationResult,
  DeviceTaintRule,
  ResourceClaim,
  ResourceSlice,
} from "#api/resource/v1/types.gen";
import { keyOf, type labels } from "#apimachinery";
import type { InformerFactory, Lister, SharedInformer } from "#client";
import type { NodeInfo } from "../../cache/node-info.ts";
import { AllocatedDevices } from "./allocated-devices.ts";
import { AllocationAnswers } from "./allocation-answers.ts";
import type { DeviceClassResolver } from "./device-class-resolver.ts";
import { DeviceSelectors } from "./device-selector.ts";
import { gatherPools, poolId, type Pool } from "./pools.ts";

/** One for all profiles of a scheduler. */
export class DraManager {
  readonly selectors: DeviceSelectors = new DeviceSelectors();
  readonly classes: DeviceClassResolver;
  /** What the cache says, what was written and what is promised. */
  readonly allocated: AllocatedDevices = new AllocatedDevices();
  /** What equal claims got lately. */
  readonly answers: AllocationAnswers;
  readonly #claimInformer: SharedInformer<ResourceClaim>;
  readonly #claims: Lister<ResourceClaim>;
  readonly #slices: Lister<ResourceSlice>;
  readonly #rules: Lister<DeviceTaintRule>;
  /** Until a slice or a rule changes. */
  #byNode: SlicesByNode | undefined;
  /** uid of the claim -> what it is about to get. */
  readonly #pending = new Map<string, AllocationResult>();
  /** By key: claims as the API answered, until the cache has something newer. */
  readonly #written = new Map<string, ResourceClaim>();

  constructor(informers: InformerFactory, classes: DeviceClassResolver) {
    this.classes = classes;
    this.answers = new AllocationAnswers(this.allocated, classes);
    const claims = informers.informer(ResourceClaims);
    this.#claimInformer = claims;
    this.#claims = claims.lister;
    const slices = informers.informer(ResourceSlices);
    this.#slices = slices.lister;
    const forget = (): void => void (this.#byNode = undefined);
    slices.addEventHandler({ onAdd: forget, onUpdate: forget, onDelete: forget });
    const rules = informers.informer(DeviceTaintRules);
    this.#rules = rules.lister;
    rules.addEventHandler({ onAdd: forget, onUpdate: forget, onDelete: forget });
    claims.addEventHandler({
      onAdd: (claim) => this.#see(undefined, claim),
      onUpdate: (claim, old) => this.#see(old, claim),
      onDelete: (claim) => this.#see(claim, undefined),
    });
  }

  /** The newest state known. */
  claim(key: string): ResourceClaim | undefined {
    const cached = this.#claims.get(key);
    const written = this.#written.get(key);
    return written !== undefined && cached?.metadata.uid === written.metadata.uid ? written : cached;
  }

  /** As the cache has them. */
  claimsOwnedBy(pod: Pod): readonly ResourceClaim[] {
    return this.#claims.controlledBy(pod);
  }

  /** With the devices that the node can reach. The same ones until a slice, a rule or a label of the node changes. */
  poolsFor({ slot, name, labels }: NodeInfo): readonly Pool[] {
    this.#byNode ??= byNode(this.#tainted());
    const { local, shared, pools } = this.#byNode;
    const known = pools[slot];
    if (known?.name === name && known.labels === labels) return known.pools;
    const found = gatherPools([...(local.get(name) ?? []), ...shared], { name, labels });
    pools[slot] = { name, labels, pools: found };
    return found;
  }

  /** With the taints of rules, as if they were the drivers' own. */
  #tainted(): readonly ResourceSlice[] {
    const rules = this.#rules.list();
    return this.#slices.list().map((slice) => withRuleTaints(slice, rules));
  }

  /** Calls after every change of a claim, with its key; gives a function that ends this. */
  onClaim(changed: (key: string) => void): () => void {
    const tell = (claim: ResourceClaim): void => changed(keyOf(claim));
    return this.#claimInformer.addEventHandler({ onUpdate: tell, onDelete: tell });
  }

  isPending({ metadata }: ResourceClaim): boolean {
    return this.#pending.has(metadata.uid ?? "");
  }

  promise(claim: ResourceClaim, allocation: AllocationResult): void {
    this.release(claim);
    this.#pending.set(claim.metadata.uid ?? "", allocation);
    this.allocated.add(allocation);
  }

  release({ metadata: { uid = "" } }: ResourceClaim): void {
    this.allocated.delete(this.#pending.get(uid));
    this.#pending.delete(uid);
  }

  /** A claim that this scheduler made is gone again. */
  removed(claim: ResourceClaim): void {
    this.#forgetWritten(keyOf(claim));
  }

  /** What the API answered to a write: it counts before the cache has it. */
  wrote(claim: ResourceClaim): void {
    const key = keyOf(claim);
    const cached = this.#claims.get(key);
    if (cached !== undefined && !isNewer(claim, cached)) return;
    this.allocated.add(claim.status?.allocation);
    this.#forgetWritten(key);
    this.#written.set(key, claim);
  }

  #forgetWritten(key: string): void {
    this.allocated.delete(this.#written.get(key)?.status?.allocation);
    this.#written.delete(key);
  }

  #see(old: ResourceClaim | undefined, now: ResourceClaim | undefined): void {
    this.allocated.add(now?.status?.allocation);
    this.allocated.delete(old?.status?.allocation);
    const key = keyOf((now ?? old)!);
    const written = this.#written.get(key);
    if (written === undefined) return;
    if (now === undefined || now.metadata.uid !== written.metadata.uid || !isNewer(written, now))
      this.#forgetWritten(key);
  }
}

interface SlicesByNode {
  /** Pools that are on one node alone. */
  readonly local: ReadonlyMap<string, readonly ResourceSlice[]>;
  readonly shared: readonly ResourceSlice[];
  /** By slot of the node, those that were asked for. */
  readonly pools: (NodePools | undefined)[];
}

interface NodePools {
  readonly name: string;
  readonly labels: labels.Labels;
  readonly pools: readonly Pool[];
}

function byNode(slices: readonly ResourceSlice[]): SlicesByNode {
  const local = new Map<string, ResourceSlice[]>();
  const shared: ResourceSlice[] = [];
  for (const pool of Map.groupBy(slices, ({ spec }) => poolId(spec.driver, spec.pool.name)).values()) {
    const { nodeName = "" } = pool[0]!.spec;
    const isLocal = nodeName !== "" && pool.every(({ spec }) => spec.nodeName === nodeName);
    if (!isLocal) shared.push(...pool);
    else local.set(nodeName, [...(local.get(nodeName) ?? []), ...pool]);
  }
  return { local, shared, pools: [] };
}

function isNewer(a: ResourceClaim, b: ResourceClaim): boolean {
  return BigInt(a.metadata.resourceVersion ?? "0") > BigInt(b.metadata.resourceVersion ?? "0");
}
