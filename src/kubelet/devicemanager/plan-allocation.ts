/** Which devices a container gets. Pure; the words of the refusals are upstream's. @module */

type Ids = ReadonlySet<string>;

export interface AllocationInput {
  readonly podUid: string;
  readonly container: string;
  readonly resource: string;
  readonly required: number;
  /** What the container holds already, of an earlier start. */
  readonly held: Ids | undefined;
  /** Undefined: nobody has registered the resource. */
  readonly healthy: Ids | undefined;
  readonly inUse: Ids;
  /** Of init containers that have ended before this container starts. */
  readonly reusable: Ids;
}

export interface AllocationStart {
  /** Taken already; they must be part of it. */
  readonly taken: readonly string[];
  /** What the rest is taken from; empty when nothing more is needed. */
  readonly available: readonly string[];
}

/** Undefined: the container has what it needs. Throws when it cannot have it. */
export function startAllocation(input: AllocationInput): AllocationStart | undefined {
  const { podUid, container, resource, required, held, healthy, inUse, reusable } = input;
  if (held !== undefined && held.size !== required) {
    const what = `pod ${JSON.stringify(podUid)} container ${JSON.stringify(container)}`;
    throw new Error(
      `${what} changed request for resource ${JSON.stringify(resource)} from ${held.size} to ${required}`,
    );
  }
  if (healthy === undefined) throw new Error(`cannot allocate unregistered device ${resource}`);
  if (healthy.size === 0)
    throw new Error(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
  if (held !== undefined) {
    if (held.isSubsetOf(healthy)) return undefined;
    throw new Error(
      `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resource}`,
    );
  }
  const taken = [...reusable].slice(0, required);
  const needed = required - taken.length;
  if (needed === 0) return { taken, available: [] };
  const available = [...healthy].filter((id) => !inUse.has(id));
  if (available.length < needed)
    throw new Error(
      `requested number of devices unavailable for ${resource}. Requested: ${needed}, Available: ${available.length}`,
    );
  return { taken, available };
}

/** What the plugin prefers goes first. */
export function finishAllocation(
  { taken, available }: AllocationStart,
  preferred: readonly string[],
  required: number,
): readonly string[] {
  const wanted = available.filter((id) => preferred.includes(id));
  return [...new Set([...taken, ...wanted, ...available])].slice(0, required);
}
