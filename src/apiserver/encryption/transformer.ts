/** What turns a value into what is stored and back; chosen by the prefix of what is stored. @module */
import { messageOf } from "#apimachinery";
import type { TransformationMetrics } from "./metrics.ts";

export interface Transformer {
  /** Throws when the value was changed, moved to another key, or made with another secret. */
  fromStorage(stored: Buffer, authenticatedData: string): Restored;
  toStorage(value: Buffer, authenticatedData: string): Buffer;
}

export interface Restored {
  readonly value: Buffer;
  /** A write would store it otherwise: with another key, or not at all encrypted. */
  readonly isStale: boolean;
}

export interface PrefixTransformer {
  readonly prefix: string;
  readonly transformer: Transformer;
}

const ENCRYPTED_PREFIX = Buffer.from("k8s:enc:");

/** Leaves values as they are; reads none that is encrypted. */
export const identity: Transformer = {
  fromStorage(stored) {
    if (hasPrefix(stored, ENCRYPTED_PREFIX))
      throw new Error("identity transformer tried to read encrypted data");
    return { value: stored, isStale: false };
  },
  toStorage: (value) => value,
};

export interface PrefixOptions {
  /** When nothing fits. */
  readonly noMatch: string;
  /** Counts what it does; absent where another one around it does. */
  readonly metrics?: { readonly resource: string; readonly all: TransformationMetrics };
}

/**
 * Writes with the first of `transformers`, reads with each whose prefix fits, in order: two providers may share a prefix
 * while one is rotated away from.
 */
export function prefixTransformers(
  transformers: readonly PrefixTransformer[],
  { noMatch, metrics }: PrefixOptions,
): Transformer {
  const known = transformers.map(({ prefix, transformer }) => ({
    prefix,
    bytes: Buffer.from(prefix),
    transformer,
  }));
  const observe = (type: "from_storage" | "to_storage", prefix: string, begun: number, err?: unknown): void =>
    metrics?.all.observe({ resource: metrics.resource, type, prefix, begun, isOk: err === undefined });
  return {
    fromStorage(stored, authenticatedData) {
      const begun = metrics?.all.now() ?? 0;
      const errors: unknown[] = [];
      for (const [i, { prefix, bytes, transformer }] of known.entries()) {
        if (!hasPrefix(stored, bytes)) continue;
        try {
          const { value, isStale } = transformer.fromStorage(
            stored.subarray(bytes.length),
            authenticatedData,
          );
          observe("from_storage", prefix === "" ? "identity" : prefix, begun);
          return { value, isStale: isStale || i > 0 };
        } catch (err) {
          // Whoever migrates away from encryption has identity first: it refuses, and the next one reads.
          if (prefix === "") continue;
          observe("from_storage", prefix, begun, err);
          errors.push(err);
        }
      }
      if (errors.length === 0) {
        const error = new Error(noMatch);
        observe("from_storage", "unknown", begun, error);
        throw error;
      }
      throw errors.length === 1 ? errors[0] : new Error(`[${errors.map(messageOf).join(", ")}]`);
    },
    toStorage(value, authenticatedData) {
      const begun = metrics?.all.now() ?? 0;
      const { prefix, bytes, transformer } = known[0]!;
      const result = transformer.toStorage(value, authenticatedData);
      observe("to_storage", prefix, begun);
      return bytes.length === 0 ? result : Buffer.concat([bytes, result]);
    },
  };
}

function hasPrefix(value: Buffer, prefix: Buffer): boolean {
  return value.length >= prefix.length && value.subarray(0, prefix.length).equals(prefix);
}
