/** Which migration of a resource runs, and what is next for one. Pure. @module */
import type { Condition } from "#api/meta/v1/types.gen";
import type { StorageVersionMigration } from "#api/storagemigration/v1/types.gen";

export type MigrationStep =
  /** Over: the definition is told, and `Running` ends. */
  | "finish"
  /** Its turn has come. */
  | "promote"
  | "migrate"
  | "none";

/** One migration of a resource runs at a time: the oldest that is not over. */
export function planMigration(
  migration: StorageVersionMigration,
  all: readonly StorageVersionMigration[],
): MigrationStep {
  const isRunning = has(migration, "Running");
  if (isOver(migration)) return isRunning ? "finish" : "none";
  if (isRunning) return "migrate";
  const others = all.filter((other) => isSameResource(other, migration) && !isOver(other));
  if (others.some((other) => has(other, "Running"))) return "none";
  const [first] = others.toSorted(byAge);
  return first === undefined || first.metadata.name === migration.metadata.name ? "promote" : "none";
}

export function isSameResource(a: StorageVersionMigration, b: StorageVersionMigration): boolean {
  const [x, y] = [a.spec?.resource, b.spec?.resource];
  return x?.resource === y?.resource && (x?.group ?? "") === (y?.group ?? "");
}

export function has({ status }: StorageVersionMigration, type: string): boolean {
  return status?.conditions?.some((each) => each.type === type && each.status === "True") ?? false;
}

/** The migration with this condition instead of the one of its type. */
export function withCondition(
  migration: StorageVersionMigration,
  condition: Condition,
): StorageVersionMigration {
  const others = (migration.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
  return { ...migration, status: { ...migration.status, conditions: [...others, condition] } };
}

function isOver(migration: StorageVersionMigration): boolean {
  return has(migration, "Succeeded") || has(migration, "Failed");
}

function byAge(a: StorageVersionMigration, b: StorageVersionMigration): number {
  const [x, y] = [ageKey(a), ageKey(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function ageKey({ metadata }: StorageVersionMigration): string {
  return `${metadata.creationTimestamp} ${metadata.name}`;
}
