/** A pod's mappings as they lie in its folder, in upstream's form. Pure. @module */
import type { IDMapping } from "#cri";

export function formatMappings(hostId: number, length: number): string {
  const mapping = { hostId, containerId: 0, length };
  return JSON.stringify({ uidMappings: [mapping], gidMappings: [mapping] });
}

/** Throws for mappings that this kubelet would not have written. */
export function parseMappings(text: string): IDMapping {
  const what = "invalid user namespace configuration";
  const { uidMappings: uids, gidMappings: gids } = read(text);
  if (uids.length !== 1) throw new Error(`${what}: no more than one mapping allowed.`);
  const [uid, gid] = [uids[0]!, gids[0]];
  if (gids.length !== 1 || gid === undefined)
    throw new Error(`${what}: GID and UID mappings should be identical.`);
  if (uid.hostId !== gid.hostId || uid.containerId !== gid.containerId || uid.length !== gid.length)
    throw new Error(`${what}: GID and UID mapping should be identical`);
  if (uid.containerId !== 0) throw new Error(`${what}: UID 0 must be mapped`);
  return uid;
}

interface Mappings {
  readonly uidMappings: readonly IDMapping[];
  readonly gidMappings: readonly IDMapping[];
}

function read(text: string): Mappings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`invalid user namespace mappings file: ${(cause as Error).message}`, { cause });
  }
  const { uidMappings, gidMappings } = (value ?? {}) as Record<string, unknown>;
  return { uidMappings: mappingsOf(uidMappings), gidMappings: mappingsOf(gidMappings) };
}

function mappingsOf(value: unknown): readonly IDMapping[] {
  if (!Array.isArray(value)) return [];
  return value.map((entry: Partial<IDMapping>) => ({
    hostId: entry.hostId ?? 0,
    containerId: entry.containerId ?? 0,
    length: entry.length ?? 0,
  }));
}
