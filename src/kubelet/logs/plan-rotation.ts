/** Which rotated files of a log go, and which are compressed, before the log itself is rotated. Pure. @module */

export const COMPRESSED = ".gz";
export const TEMPORARY = ".tmp";

export interface RotationPlan {
  readonly remove: readonly string[];
  readonly compress: readonly string[];
}

/**
 * `files` is what the folder of the log holds. Rotated files are named after it and end with the time, so that they sort by
 * age. Two of `filesMax` are the log itself and the one that it becomes.
 */
export function planRotation(files: readonly string[], log: string, filesMax: number): RotationPlan {
  const names = files.filter((name) => name.startsWith(`${log}.`));
  const isUsed = (name: string): boolean =>
    !name.endsWith(TEMPORARY) && (name.endsWith(COMPRESSED) || !names.includes(name + COMPRESSED));
  const used = names.filter(isUsed).toSorted();
  const surplus = used.slice(0, Math.max(0, used.length - Math.max(0, filesMax - 2)));
  return {
    remove: [...names.filter((name) => !isUsed(name)), ...surplus],
    compress: used.slice(surplus.length).filter((name) => !name.endsWith(COMPRESSED)),
  };
}
