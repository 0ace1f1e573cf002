/** Two services may name the same external address and port: the first to do so has it, until it lets go. @module */
import type { ObjectKey } from "#apimachinery";
import type { Frontend } from "./plan.ts";

export class Claims {
  /** Frontend -> services that want it, the one that has it first. */
  readonly #claimants = new Map<string, ObjectKey[]>();

  has(service: ObjectKey, frontend: Frontend): boolean {
    return this.#claimants.get(nameOf(frontend))?.[0] === service;
  }

  claim(service: ObjectKey, frontend: Frontend): void {
    const name = nameOf(frontend);
    const claimants = this.#claimants.get(name);
    if (claimants === undefined) this.#claimants.set(name, [service]);
    else if (!claimants.includes(service)) claimants.push(service);
  }

  /** Gives the service that has it now in place of `service`, if there is one. */
  release(service: ObjectKey, frontend: Frontend): ObjectKey | undefined {
    const name = nameOf(frontend);
    const claimants = this.#claimants.get(name) ?? [];
    const wasFirst = claimants[0] === service;
    const others = claimants.filter((one) => one !== service);
    if (others.length === 0) this.#claimants.delete(name);
    else this.#claimants.set(name, others);
    return wasFirst ? others[0] : undefined;
  }
}

function nameOf({ scope, key }: Frontend): string {
  return `${scope} ${key}`;
}
