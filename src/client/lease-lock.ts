/** A Lease as the lock of a leader election. @module */
import type { Kind } from "#apimachinery";
import type { Lease } from "#api/coordination/v1/types.gen";
import type { Client, ObjectRef } from "./client.ts";
import { dynamicKind } from "./dynamic.ts";

/** Who leads since when; upstream's LeaderElectionRecord. */
export interface LeaderElectionRecord {
  /** "": nobody. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaderTransitions: number;
}

const Leases = dynamicKind({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
}) as unknown as Kind<Lease>;

export class LeaseLock {
  readonly #client: Pick<Client, "get" | "create" | "update">;
  readonly #ref: ObjectRef;
  /** As last read or written; its resourceVersion makes every write conditional. */
  #lease: Lease | undefined;

  constructor(client: Pick<Client, "get" | "create" | "update">, ref: ObjectRef) {
    this.#client = client;
    this.#ref = ref;
  }

  get description(): string {
    return `${this.#ref.namespace}/${this.#ref.name}`;
  }

  /** As last read or written. */
  get object(): Lease | undefined {
    return this.#lease;
  }

  /** Throws NotFound before the first election. */
  async get(signal: AbortSignal): Promise<LeaderElectionRecord> {
    this.#lease = await this.#client.get(Leases, this.#ref, signal);
    return recordOf(this.#lease);
  }

  async create(record: LeaderElectionRecord, signal: AbortSignal): Promise<void> {
    const metadata = { ...this.#ref };
    const lease: Lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata,
      spec: specOf(record),
    };
    this.#lease = await this.#client.create(Leases, lease, signal);
  }

  /** Throws Conflict when somebody else wrote since `get`. */
  async update(record: LeaderElectionRecord, signal: AbortSignal): Promise<void> {
    if (this.#lease === undefined)
      throw new Error(`Lease ${this.description} was not read before its update`);
    const { holderIdentity: _, ...rest } = this.#lease.spec ?? {};
    const spec = { ...rest, ...specOf(record) };
    this.#lease = await this.#client.update(Leases, { ...this.#lease, spec }, signal);
  }
}

function recordOf({ spec = {} }: Lease): LeaderElectionRecord {
  return {
    holderIdentity: spec.holderIdentity ?? "",
    leaseDurationSeconds: spec.leaseDurationSeconds ?? 0,
    acquireTime: spec.acquireTime ?? "",
    renewTime: spec.renewTime ?? "",
    leaderTransitions: spec.leaseTransitions ?? 0,
  };
}

/** A lease that nobody holds has no holder: the API refuses an empty one. */
function specOf(record: LeaderElectionRecord): NonNullable<Lease["spec"]> {
  const { holderIdentity, leaderTransitions, ...rest } = record;
  return { ...(holderIdentity !== "" && { holderIdentity }), ...rest, leaseTransitions: leaderTransitions };
}
