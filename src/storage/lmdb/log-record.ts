/** A record of the change log: which keys the commits of one transaction changed, and how. Values stand elsewhere. @module */
import type { Change, Revision } from "../store.ts";

export type ChangeType = "create" | "update" | "delete";

export interface LogItem {
  readonly revision: Revision;
  readonly type: ChangeType;
  readonly key: string;
}

const TYPES: readonly ChangeType[] = ["create", "update", "delete"];

/** A flat JSON array of revision, number of the type, key: small, quick, and readable when something went wrong. */
export function encodeLogRecord(changes: readonly Change[]): Uint8Array {
  return Buffer.from(JSON.stringify(changes.flatMap((c) => [c.revision, TYPES.indexOf(typeOf(c)), c.key])));
}

export function decodeLogRecord(bytes: Uint8Array): LogItem[] {
  const flat = JSON.parse(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
  ) as unknown[];
  const items: LogItem[] = [];
  for (let i = 0; i < flat.length; i += 3)
    items.push({
      revision: flat[i] as Revision,
      type: TYPES[flat[i + 1] as number]!,
      key: flat[i + 2] as string,
    });
  return items;
}

function typeOf({ value, previous }: Change): ChangeType {
  if (value === undefined) return "delete";
  return previous === undefined ? "create" : "update";
}
