/**
 * Pods that are equal in all that Filter plugins ask fit on the same nodes: what was found for one of them holds for the others
 * on every node that has not changed since. Upstream's opportunistic batching, for pods that fit nowhere.
 * @module
 */
import type { NodeInfo } from "./cache/node-info.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import type { Cycle } from "./framework/plugin.ts";
import type { Status } from "./framework/status.ts";
import type { Candidate } from "./preemption/plan.ts";

/** Answers by slot of the node, each for one generation of it. */
class AnswersByNode<T> {
  readonly #answers: (T | undefined)[] = [];
  readonly #generations: number[] = [];

  isKnown(node: NodeInfo): boolean {
    return this.#generations[node.slot] === node.generation;
  }

  get(node: NodeInfo): T | undefined {
    return this.#answers[node.slot];
  }

  set(node: NodeInfo, answer: T | undefined): void {
    this.#answers[node.slot] = answer;
    this.#generations[node.slot] = node.generation;
  }
}

export class EqualPods {
  /** Why they do not fit as things stand; undefined: they fit. */
  readonly fits: AnswersByNode<Status> = new AnswersByNode();
  /** Who would have to go for one of them, or why nobody's going helps. */
  readonly dryRuns: AnswersByNode<Candidate | Status> = new AnswersByNode();
}

/** Sets of equal pods remembered; the least recently used go. */
const SETS_MAX = 32;

export class EqualPodsTable {
  /** In the order of use, the latest last. */
  readonly #bySignature = new Map<string, EqualPods>();
  readonly #flushed: () => void;

  /** `flushed` is called when a set of equal pods makes room for another. */
  constructor(flushed: () => void) {
    this.#flushed = flushed;
  }

  /** What is known of pods equal to this one, if one of them fitted nowhere lately. */
  of(cycle: Cycle, pod: PodInfo): EqualPods | undefined {
    if (this.#bySignature.size === 0 || !cycle.isLocal) return undefined;
    const signature = signatureOf(cycle, pod);
    const known = this.#bySignature.get(signature);
    if (known === undefined) return undefined;
    this.#bySignature.delete(signature);
    this.#bySignature.set(signature, known);
    return known;
  }

  /** From now on for pods equal to this one. */
  remember(cycle: Cycle, pod: PodInfo): EqualPods | undefined {
    if (!cycle.isLocal) return undefined;
    if (this.#bySignature.size >= SETS_MAX) {
      this.#bySignature.delete(this.#bySignature.keys().next().value!);
      this.#flushed();
    }
    const equals = new EqualPods();
    this.#bySignature.set(signatureOf(cycle, pod), equals);
    return equals;
  }
}

/** The priority decides which promises count, and who may be sent away. */
function signatureOf({ filters }: Cycle, pod: PodInfo): string {
  let signature = String(pod.priority);
  for (const plugin of filters) signature += `\0${plugin.name}\0${plugin.sign!(pod)}`;
  return signature;
}
