/** How upstream derives operation ids, tags and paths from a group-version. @module */

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** `api/v1`, `apis/apps/v1`: keys of `/openapi/v3`, and the path without its first slash. */
export function documentName({ group, version }: GroupVersion): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

/** `Core`, `Apps`, `RbacAuthorization`. */
export function groupWord(group: string): string {
  if (group === "") return "Core";
  return group
    .replace(/\.k8s\.io$/, "")
    .split(".")
    .map(title)
    .join("");
}

/** `CoreV1`. */
export function groupVersionWord({ group, version }: GroupVersion): string {
  return groupWord(group) + title(version);
}

/** `rbacAuthorization`. */
export function groupTag(group: string): string {
  const word = groupWord(group);
  return word.slice(0, 1).toLowerCase() + word.slice(1);
}

/** `core_v1`. */
export function groupVersionTag({ group, version }: GroupVersion): string {
  return `${groupTag(group)}_${version}`;
}

export function title(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
