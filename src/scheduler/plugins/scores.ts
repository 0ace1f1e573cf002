/** Bringing raw scores to 0..100 (upstream's `DefaultNormalizeScore`). @module */
import { MAX_NODE_SCORE } from "../framework/plugin.ts";

/** The best becomes 100; all zero stays. */
export function normalize(scores: Float64Array): void {
  const max = largest(scores);
  if (max === 0) return;
  for (let i = 0; i < scores.length; i++) scores[i] = Math.floor((MAX_NODE_SCORE * scores[i]!) / max);
}

/** The smallest becomes the best; all zero means that all are best. */
export function reverseNormalize(scores: Float64Array): void {
  const max = largest(scores);
  for (let i = 0; i < scores.length; i++) {
    scores[i] = max === 0 ? MAX_NODE_SCORE : MAX_NODE_SCORE - Math.floor((MAX_NODE_SCORE * scores[i]!) / max);
  }
}

/** From [min, max], which may be negative, to 0..100. */
export function normalizeRange(scores: Float64Array): void {
  let min = Infinity;
  let max = -Infinity;
  for (const score of scores) {
    min = Math.min(min, score);
    max = Math.max(max, score);
  }
  const range = max - min;
  for (let i = 0; i < scores.length; i++) {
    scores[i] = range === 0 ? 0 : Math.floor((MAX_NODE_SCORE * (scores[i]! - min)) / range);
  }
}

function largest(scores: Float64Array): number {
  let max = 0;
  for (const score of scores) if (score > max) max = score;
  return max;
}
