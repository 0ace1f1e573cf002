/** The official names of the conformance tests, and the release each first counted in. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface OfficialTest {
  readonly name: string;
  /** `api-machinery` of `[sig-api-machinery] …`. */
  readonly sig: string;
  /** `1.34`; `<=1.30` for the oldest. */
  readonly release: string;
}

const FILE = join(import.meta.dirname, "../names.tsv");

/** By name. */
export function readOfficialTests(file: string = FILE): ReadonlyMap<string, OfficialTest> {
  return parseOfficialTests(readFileSync(file, "utf8"));
}

/** One `release<tab>name` per line; `#` begins a comment. Throws on a line of another shape and on a name that stands twice. */
export function parseOfficialTests(text: string): ReadonlyMap<string, OfficialTest> {
  const tests = new Map<string, OfficialTest>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, release, name, sig] = /^([^\t]+)\t(\[sig-([a-z-]+)\] [^\t]+)$/.exec(line) ?? [];
    if (release === undefined || name === undefined || sig === undefined)
      throw new Error(`Not a release and a name: ${JSON.stringify(line)}`);
    if (tests.has(name)) throw new Error(`Stands twice: ${name}`);
    tests.set(name, { name, sig, release });
  }
  return tests;
}
