/** Counts official conformance tests by sig and by what became of them. @module */
import type { OfficialTest } from "../test/conformance/harness/names.ts";

export type Outcome = "passing" | "failing" | "skipped";

export interface Row {
  readonly title: string;
  readonly official: number;
  readonly covered: number;
  readonly passing: number;
  readonly failing: number;
  readonly skipped: number;
  readonly absent: number;
}

/** One row per sig in alphabetical order, then the sum. */
export function countOutcomes(
  tests: Iterable<OfficialTest>,
  outcomes: ReadonlyMap<string, Outcome>,
): readonly Row[] {
  const bySig = Map.groupBy(tests, ({ sig }) => sig);
  const rows = [...bySig]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([sig, ofSig]) => count(`sig-${sig}`, ofSig, outcomes));
  return [...rows, count("all", [...bySig.values()].flat(), outcomes)];
}

/**
 * Of names that must pass, those that have not shown that they do, each with the reason. In a run of `part` of the tests a
 * name without an outcome may belong to the others.
 */
export function unproven(
  tests: readonly OfficialTest[],
  outcomes: ReadonlyMap<string, Outcome>,
  part: boolean,
): readonly string[] {
  return tests.flatMap(({ name, release }) => {
    const outcome = outcomes.get(name) ?? "absent";
    if (outcome === "passing" || (part && outcome === "absent")) return [];
    return [`${outcome} (${release})  ${name}`];
  });
}

function count(title: string, tests: readonly OfficialTest[], outcomes: ReadonlyMap<string, Outcome>): Row {
  const of = (wanted: Outcome): number => tests.filter(({ name }) => outcomes.get(name) === wanted).length;
  const covered = tests.filter(({ name }) => outcomes.has(name)).length;
  return {
    title,
    official: tests.length,
    covered,
    passing: of("passing"),
    failing: of("failing"),
    skipped: of("skipped"),
    absent: tests.length - covered,
  };
}

const COLUMNS = ["official", "covered", "passing", "failing", "skipped", "absent"] as const;

/** Columns of text, numbers to the right. */
export function formatRows(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ title }) => title.length));
  const line = (title: string, cells: readonly (string | number)[]): string =>
    [title.padEnd(width), ...cells.map((cell, i) => String(cell).padStart(COLUMNS[i]!.length))].join("  ");
  const body = rows.map((row) =>
    line(
      row.title,
      COLUMNS.map((column) => row[column]),
    ),
  );
  return [line("", COLUMNS), ...body, ""].join("\n");
}
