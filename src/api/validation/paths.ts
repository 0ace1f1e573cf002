/** Paths inside volumes: relative, and never up. @module */
import { field } from "#apimachinery";
import { all, hasBacksteps, NONE, type Causes } from "./common.ts";

/** Neither absolute nor with a `..` in it. */
export function validateDescendingPath(target: string, path: string): Causes {
  return all(
    target.startsWith("/") ? [field.invalid(path, target, "must be a relative path")] : NONE,
    noBacksteps(target, path),
  );
}

export function noBacksteps(target: string, path: string): Causes {
  return hasBacksteps(target) ? [field.invalid(path, target, "must not contain '..'")] : NONE;
}

/** Below the volume, and not a name that atomic updates of volumes use (`..data`). */
export function validateLocalPath(target: string, path: string): Causes {
  const reserved = target.startsWith("..") && !target.startsWith("../");
  return all(
    validateDescendingPath(target, path),
    reserved ? [field.invalid(path, target, "must not start with '..'")] : NONE,
  );
}

export const isLocalPath = (target: string): boolean => validateLocalPath(target, "").length === 0;
