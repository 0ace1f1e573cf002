/** Which queue is served next: the one whose oldest request would end first if all queues were served bit by bit. @module */
import type { DispatchReading } from "./level-meters.ts";

/** What the decision looks at; a `FairQueue` is one. */
export interface DispatchQueue {
  readonly nextDispatchR: number;
  readonly seatsInUse: number;
  readonly head: { readonly totalWork: number } | undefined;
}

export interface Capacity {
  /** Nothing is limited. */
  readonly isExempt: boolean;
  readonly concurrencyLimit: number;
  readonly executing: number;
  readonly seatsInUse: number;
}

/** Taken for the time a request needs, until it is known. */
export const ESTIMATED_SERVICE_SECONDS = 0.003;

/** A request wider than the limit runs alone. */
export function canAccommodate(seats: number, capacity: Capacity): boolean {
  const { isExempt, concurrencyLimit, executing, seatsInUse } = capacity;
  if (isExempt) return true;
  if (seats > concurrencyLimit) return executing === 0;
  return seatsInUse + seats <= concurrencyLimit;
}

/** Looks from the queue after `lastIndex` on, so that of equals the one that waited longest is first. Undefined: nobody waits. */
export function planDispatch(queues: readonly DispatchQueue[], lastIndex: number): number | undefined {
  let best: number | undefined;
  let earliest = Number.POSITIVE_INFINITY;
  for (let i = 0, at = lastIndex; i < queues.length; i++) {
    at = at + 1 < queues.length ? at + 1 : 0;
    const { head, nextDispatchR } = queues[at]!;
    if (head === undefined) continue;
    const finish = nextDispatchR + head.totalWork;
    if (finish < earliest) {
      earliest = finish;
      best = at;
    }
  }
  return best;
}

/** Of the hand, the queue with the least work waiting; the order of looking turns with `turn`, so that no card is preferred. */
export function planEnqueue(
  queues: readonly { readonly totalWorkSum: number }[],
  hand: readonly number[],
  turn: number,
): number {
  let best = hand[turn % hand.length]!;
  for (let i = 1; i < hand.length; i++) {
    const at = hand[(turn + i) % hand.length]!;
    if (queues[at]!.totalWorkSum < queues[best]!.totalWorkSum) best = at;
  }
  return best;
}

/** How the queues stood when `chosen` was. */
export function readDispatch(
  queues: readonly DispatchQueue[],
  chosen: DispatchQueue,
  r: number,
  into: DispatchReading,
): void {
  into.r = r;
  into.latestS = into.minS = into.maxS = chosen.nextDispatchR;
  into.discountedMinS = into.discountedMaxS = discounted(chosen);
  for (const queue of queues) {
    if (queue.head === undefined) continue;
    into.minS = Math.min(into.minS, queue.nextDispatchR);
    into.maxS = Math.max(into.maxS, queue.nextDispatchR);
    into.discountedMinS = Math.min(into.discountedMinS, discounted(queue));
    into.discountedMaxS = Math.max(into.discountedMaxS, discounted(queue));
  }
}

function discounted({ nextDispatchR, seatsInUse }: DispatchQueue): number {
  return nextDispatchR - seatsInUse * ESTIMATED_SERVICE_SECONDS;
}
