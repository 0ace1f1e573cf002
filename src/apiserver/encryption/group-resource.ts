/** Names of resources as EncryptionConfigurations write them. Pure. @module */
import type { GroupResource } from "#apimachinery";

/** `secrets` and `*.` are of the core group. */
export function parseGroupResource(text: string): GroupResource {
  const dot = text.indexOf(".");
  return dot < 0
    ? { group: "", resource: text }
    : { group: text.slice(dot + 1), resource: text.slice(0, dot) };
}

/** As upstream shows it: the core group's wildcard has its dot. */
export function formatGroupResource({ group, resource }: GroupResource): string {
  return group === "" && resource !== "*" ? resource : `${resource}.${group}`;
}
