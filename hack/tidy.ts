/**
 * Checks what the compiler and the linter cannot: import directions, file size, dead files, hidden inputs.
 * Run by `npm run tidy`; prints one line per violation and exits 1 if there is any.
 * @module
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** What every component that talks to the API server may import. */
const API_CLIENT = ["apimachinery", "api", "component-base", "client"];
/** Component -> components it may import. The architecture in one table; ARCHITECTURE.md explains it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  apimachinery: [],
  api: ["apimachinery"],
  "component-base": ["apimachinery"],
  storage: ["apimachinery", "component-base"],
  client: ["apimachinery", "api"],
  "controller-runtime": ["apimachinery", "component-base", "client"],
  apiserver: [...API_CLIENT, "storage"],
  controllers: [...API_CLIENT, "controller-runtime"],
  ingress: [...API_CLIENT, "controller-runtime"],
  scheduler: API_CLIENT,
  proxy: API_CLIENT,
  network: API_CLIENT,
  dns: API_CLIENT,
  "metrics-server": API_CLIENT,
  kubectl: API_CLIENT,
  cri: ["apimachinery", "component-base"],
  kubelet: [...API_CLIENT, "cri"],
  dashboard: ["apimachinery", "api", "client"],
};
/** These run in a browser too: no `node:` imports, except under `client/node/`. */
const BROWSER_SAFE = ["apimachinery", "api", "client", "dashboard"];
/** Components that wire the others together. */
const UNRESTRICTED = ["cmd", "launcher", "testing"];
/** The places that hand the real clock, environment and process to everything else. */
const MAY_TOUCH_WORLD = ["src/cmd/", "src/apimachinery/clock.ts"];

const LINES_MAX = 600;
/** Hidden inputs make a run impossible to replay; take a Clock or a Random as an argument instead. */
const BANNED = [
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bMath\.random\(/,
  /(?<![.\w])set(Timeout|Interval)\(/,
  /\bAbortSignal\.timeout\(/,
  /\bprocess\.(argv|env|exit|on)\b/,
];
const IMPORT = /^(?:import|export)\b[^"';]*?from\s*["']([^"']+)["']|^import\s*["']([^"']+)["']/gm;

const { imports } = JSON.parse(readFileSync("package.json", "utf8")) as { imports: Record<string, string> };
const files = globSync("{src,test,bench,hack}/**/*.ts").toSorted();
const imported = new Set(
  Object.entries(imports).flatMap(([, target]) => globSync(target.replace("*", "**/*"))),
);
const problems: string[] = [];

for (const file of files) {
  const text = readFileSync(file, "utf8");
  const component = componentOf(file);
  const isTest = /\.test\.ts$|conformance\.ts$/.test(file);
  const report = (message: string): void => void problems.push(`${file}: ${message}`);

  for (const [, from, bare] of text.matchAll(IMPORT)) {
    const specifier = (from ?? bare)!;
    const target = specifier.startsWith(".") ? join(dirname(file), specifier) : undefined;
    if (target !== undefined) imported.add(target);
    if (component === undefined || UNRESTRICTED.includes(component)) continue;
    if (
      specifier.startsWith("node:") &&
      BROWSER_SAFE.includes(component) &&
      !isTest &&
      !file.includes("/node/")
    )
      report(`${component} runs in browsers: ${specifier}`);
    if (target !== undefined && componentOf(target) !== component)
      report(`leaves ${component} by a relative path: ${specifier}`);
    const other = /^#([^/]+)/.exec(specifier)?.[1];
    if (other !== undefined && other !== component && !MAY_IMPORT[component]?.includes(other))
      report(`${component} may not import ${specifier}`);
  }
  if (component !== undefined && !isTest) {
    if (!/^\/\*\*[^]*?@module/.test(text)) report("must open with a doc comment ending in @module");
    if (!MAY_TOUCH_WORLD.some((place) => file.startsWith(place)))
      for (const banned of BANNED) if (banned.test(text)) report(`${banned.source} is a hidden input`);
  }
  const lines = text.split("\n").length - 1;
  if (lines > LINES_MAX && !file.endsWith(".gen.ts")) report(`${lines} lines, the limit is ${LINES_MAX}`);
}

for (const file of files) {
  const isEntry = /\.(test|bench)\.ts$|^(src\/cmd|test|hack)\/|^bench\/run\.ts$/.test(file);
  if (!isEntry && !imported.has(file)) problems.push(`${file}: nothing imports this file`);
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function componentOf(file: string): string | undefined {
  const [top, component] = relative(".", file).split("/");
  return top === "src" ? component : undefined;
}
