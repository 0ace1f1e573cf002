/**
 * Runs the conformance tests and counts the official names they cover: `npm run conformance -- --sig=cli`.
 * Exits 1 when a test fails, and when a name of `names.tsv` is borne by no test or by one that was skipped: all names must
 * pass, those that came with v1.37 too. With `--backend`, and without root, which containers need, it judges what it runs.
 * @module
 */
import { join } from "node:path";
import { run, type EventData } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { readOfficialTests } from "../test/conformance/harness/names.ts";
import { countOutcomes, formatRows, unproven, type Outcome } from "./conformance-table.ts";

const BACKENDS = ["simulated", "containers"];
const FOLDER = join(import.meta.dirname, "../test/conformance");

const { values } = parseArgs({
  options: {
    /** `api-machinery`: only names of this sig. */
    sig: { type: "string" },
    /** A regular expression that names must match. */
    name: { type: "string" },
    /** `simulated` or `containers`: only tests on such clusters. */
    backend: { type: "string" },
  },
});
if (values.backend !== undefined && !BACKENDS.includes(values.backend))
  throw new RangeError(`--backend is one of ${BACKENDS.join(", ")}, not ${values.backend}`);

const official = readOfficialTests();
const wanted = new RegExp(values.name ?? "");
const chosen = [...official.values()].filter(
  ({ name, sig }) => (values.sig === undefined || sig === values.sig) && wanted.test(name),
);
if (chosen.length === 0) throw new RangeError("no official name is of that --sig and --name");
const outcomes = new Map<string, Outcome>();
/** A failure outside of any test: a file that does not load, a cluster that does not close. */
let hasFailed = false;

const isPart = values.sig !== undefined || values.name !== undefined;
const isRoot = process.geteuid?.() === 0;
const backends = values.backend === undefined ? BACKENDS.slice(0, isRoot ? 2 : 1) : [values.backend];
const events = run({
  files: backends.map((backend) => join(FOLDER, `${backend}.test.ts`)),
  concurrency: 1,
  ...(isPart && { testNamePatterns: chosen.map(({ name }) => new RegExp(`^${RegExp.escape(name)}$`)) }),
});
events.on("test:pass", (data: EventData.TestPass) =>
  note(data, data.skip === undefined ? "passing" : "skipped"),
);
events.on("test:fail", (data: EventData.TestFail) => note(data, "failing"));
for await (const text of events.compose(spec)) process.stdout.write(text as string);

process.stdout.write(`\n${formatRows(countOutcomes(chosen, outcomes))}`);
const missing = unproven(chosen, outcomes, backends.length < BACKENDS.length);
if (!isRoot && values.backend === undefined)
  process.stdout.write("not root: the names that need containers are not judged\n");
for (const line of missing) process.stdout.write(`${line}\n`);
process.exitCode = hasFailed || missing.length > 0 ? 1 : 0;

function note({ name }: { readonly name: string }, outcome: Outcome): void {
  if (outcome === "failing") hasFailed = true;
  if (official.has(name)) outcomes.set(name, outcome);
}
