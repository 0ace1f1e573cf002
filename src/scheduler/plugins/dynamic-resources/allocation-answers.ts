/** What equal claims got on a node holds until its pools, what is allocated of them, or a class changes. @module */
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { AllocatedDevices } from "./allocated-devices.ts";
import type { ChosenDevice } from "./allocation-result.ts";
import type { DeviceClassResolver } from "./device-class-resolver.ts";
import type { Pool } from "./pools.ts";

/** The devices by claim; undefined: the node has not enough of them. */
export type Answer = readonly (readonly ChosenDevice[])[] | undefined;

/** Sets of equal claims remembered; the least recently used go. */
const SETS_MAX = 64;

/** Those of one set of equal claims, by slot of the node. */
export class NodeAnswers {
  readonly #allocated: AllocatedDevices;
  readonly #pools: (readonly Pool[] | undefined)[] = [];
  readonly #versions: number[] = [];
  readonly #answers: Answer[] = [];

  constructor(allocated: AllocatedDevices) {
    this.#allocated = allocated;
  }

  /** `find` is asked when nothing is known, or not any more. What it throws is not remembered. */
  get({ slot }: NodeInfo, pools: readonly Pool[], find: () => Answer): Answer {
    let version = 0; // each of them only grows, and so does their sum
    for (const pool of pools) version += this.#allocated.versionOf(pool.id);
    if (this.#pools[slot] === pools && this.#versions[slot] === version) return this.#answers[slot];
    const answer = find();
    this.#pools[slot] = pools;
    this.#versions[slot] = version;
    this.#answers[slot] = answer;
    return answer;
  }
}

export class AllocationAnswers {
  readonly #allocated: AllocatedDevices;
  readonly #classes: DeviceClassResolver;
  #classesVersion = 0;
  /** In the order of use, the latest last. */
  readonly #sets = new Map<string, NodeAnswers>();

  constructor(allocated: AllocatedDevices, classes: DeviceClassResolver) {
    this.#allocated = allocated;
    this.#classes = classes;
  }

  /** For claims that ask for the same in the same order. */
  of(claims: readonly ResourceClaim[]): NodeAnswers {
    if (this.#classesVersion !== this.#classes.version) this.#sets.clear();
    this.#classesVersion = this.#classes.version;
    const key = JSON.stringify(claims.map(({ spec }) => spec));
    const answers = this.#sets.get(key) ?? new NodeAnswers(this.#allocated);
    this.#sets.delete(key);
    if (this.#sets.size >= SETS_MAX) this.#sets.delete(this.#sets.keys().next().value!);
    this.#sets.set(key, answers);
    return answers;
  }
}
