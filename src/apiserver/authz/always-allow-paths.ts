/** Paths that everybody may read, so that health can be asked before anything else works. @module */
import type { Authorizer } from "../user-info.ts";

/** A path ending in a star stands for everything that begins like it. */
export function alwaysAllowPaths(paths: readonly string[]): Authorizer {
  const exact = new Set(paths.filter((path) => !path.endsWith("*")));
  const prefixes = paths.filter((path) => path.endsWith("*")).map((path) => path.slice(0, -1));
  return {
    authorize({ isResourceRequest, path }) {
      if (isResourceRequest) return { allowed: false };
      return { allowed: exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix)) };
    },
  };
}
