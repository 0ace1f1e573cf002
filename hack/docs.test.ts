/** What the documents say of the tree, checked against the tree. @module */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const LINK = /\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g;

/** The names in backquotes of the first column of every table row. */
function namedInTable(text: string): readonly string[] {
  const cells = text.split("\n").flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
}

function components(): readonly string[] {
  const entries = readdirSync("src", { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function tellsDifferences(component: string): boolean {
  const readme = `src/${component}/README.md`;
  return existsSync(readme) && readFileSync(readme, "utf8").includes("\n## Differences from ");
}

test("docs/dependencies.md names every run-time dependency of package.json, and no other", () => {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as Package;
  const named = namedInTable(readFileSync("docs/dependencies.md", "utf8"));
  const wanted = [...Object.keys(dependencies), ...Object.keys(optionalDependencies)];
  assert.deepEqual(named.toSorted(), wanted.toSorted());
});

test("ARCHITECTURE.md has every folder of src among its rooms", () => {
  const rooms = namedInTable(readFileSync("ARCHITECTURE.md", "utf8"));
  const missing = components().filter((name) => !rooms.includes(`src/${name}`));
  assert.deepEqual(missing, []);
});

test("every component has a README that tells its differences", () => {
  // cmd is argv and environment alone; its differences are the launcher's
  assert.deepEqual(
    components().filter((name) => name !== "cmd" && !tellsDifferences(name)),
    [],
  );
});

test("bounds that a README names stand in the component's code", () => {
  const unknown = components().flatMap((name) => {
    const readme = `src/${name}/README.md`;
    if (!existsSync(readme)) return [];
    const code = globSync(`src/${name}/**/*.ts`).map((file) => readFileSync(file, "utf8"));
    const bounds = [...readFileSync(readme, "utf8").matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`/g)];
    return bounds
      .filter(([, bound]) => !code.some((text) => text.includes(bound!)))
      .map(([, bound]) => `${readme}: ${bound}`);
  });
  assert.deepEqual(unknown, []);
});

test("docs/security.md names tests that exist, and a test for every check that is not manual", () => {
  const text = readFileSync("docs/security.md", "utf8");
  const rows = [...text.matchAll(/^\| .+ \| `([^`]+\.test\.ts)` · (.+) \|$/gm)];
  assert.ok(rows.length > 30);
  const missing = rows.filter(
    ([, file, name]) => !existsSync(file!) || !readFileSync(file!, "utf8").includes(name!),
  );
  assert.deepEqual(
    missing.map(([, file, name]) => `${file} · ${name}`),
    [],
  );
  const sources = ["test/integration/cis-benchmark.test.ts", "test/e2e/join.test.ts"];
  const titles = sources.flatMap((file) => readFileSync(file, "utf8").match(/test\("CIS [^"]+/g) ?? []);
  const tested = new Set(titles.flatMap(checksIn));
  const checks = [...text.matchAll(/^\| (\d[\d., -]*) \| (.+) \|$/gm)];
  assert.ok(checks.length > 30);
  const untested = checks
    .filter(([, , what]) => !what!.includes("manual"))
    .flatMap(([, numbers]) => checksIn(numbers!).filter((check) => !tested.has(check)));
  assert.deepEqual(untested, []);
});

/** `1.2.3-1.2.5` are three of them. */
function checksIn(text: string): readonly string[] {
  return [...text.matchAll(/(\d+(?:\.\d+)*\.)(\d+)(?:-\1(\d+))?/g)].flatMap(([, section, first, last]) =>
    Array.from(
      { length: Number(last ?? first) - Number(first) + 1 },
      (_, i) => section! + (Number(first) + i),
    ),
  );
}

test("links in documents lead to files of the repository", () => {
  const broken = globSync("{*.md,{docs,src,bench,test,examples}/**/*.md}").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(LINK)]
      .filter(([, target]) => !existsSync(join(dirname(file), target!)))
      .map(([, target]) => `${file}: ${target}`),
  );
  assert.deepEqual(broken, []);
});
