/** How objects are named in the store: `/registry/<group>/<resource>/[<namespace>/]<name>`, `core` for the core group. @module */

export const REGISTRY_PREFIX = "/registry/";

/** `core/pods`: the name of a resource inside the server, whatever version it is asked in. */
export function resourceKey(group: string, plural: string): string {
  return `${group === "" ? "core" : group}/${plural}`;
}

/** The inverse of `resourceKey`, with "" for the core group. */
export function groupResourceOfKey(key: string): { readonly group: string; readonly resource: string } {
  const slash = key.indexOf("/");
  const group = key.slice(0, slash);
  return { group: group === "core" ? "" : group, resource: key.slice(slash + 1) };
}

export function storageKey(resource: string, key: string): string {
  return `${REGISTRY_PREFIX}${resource}/${key}`;
}

export function storagePrefix(resource: string, keyPrefix: string): string {
  return `${REGISTRY_PREFIX}${resource}/${keyPrefix}`;
}

/** The inverse of `storageKey`. */
export function resourceOfKey(storeKey: string): { readonly resource: string; readonly key: string } {
  const group = storeKey.indexOf("/", REGISTRY_PREFIX.length);
  const plural = storeKey.indexOf("/", group + 1);
  return { resource: storeKey.slice(REGISTRY_PREFIX.length, plural), key: storeKey.slice(plural + 1) };
}
