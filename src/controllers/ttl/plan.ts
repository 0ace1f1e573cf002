/** How long kubelets may keep Secrets and ConfigMaps, by the size of the cluster. Pure. @module */

export const TTL_ANNOTATION = "node.alpha.kubernetes.io/ttl";

/** The bounds overlap, so that a cluster whose size wavers does not rewrite all its nodes. */
const BOUNDARIES: readonly {
  readonly sizeMin: number;
  readonly sizeMax: number;
  readonly ttlSeconds: number;
}[] = [
  { sizeMin: 0, sizeMax: 100, ttlSeconds: 0 },
  { sizeMin: 90, sizeMax: 500, ttlSeconds: 15 },
  { sizeMin: 450, sizeMax: 1000, ttlSeconds: 30 },
  { sizeMin: 900, sizeMax: 2000, ttlSeconds: 60 },
  { sizeMin: 1800, sizeMax: Infinity, ttlSeconds: 300 },
];

/** The step of a cluster that was on `step` and has so many nodes now. */
export function nextStep(step: number, nodes: number): number {
  let next = step;
  while (nodes > BOUNDARIES[next]!.sizeMax) next++;
  while (nodes < BOUNDARIES[next]!.sizeMin) next--;
  return next;
}

export function ttlSecondsOf(step: number): number {
  return BOUNDARIES[step]!.ttlSeconds;
}

/** An annotation that is no number is written anew. */
export function hasTtl(annotations: Readonly<Record<string, string>> = {}, ttlSeconds: number): boolean {
  const text = annotations[TTL_ANNOTATION];
  return text !== undefined && /^[+-]?\d+$/.test(text) && Number(text) === ttlSeconds;
}
