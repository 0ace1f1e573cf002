/**
 * Gives package-lock.json an entry for every platform-specific optional dependency, also where the registry in use does not
 * hold that platform: without it `npm ci` of npm 11 refuses the lock file ("Missing: NAME@ from lock file"). Run after `npm install`.
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";

interface Entry {
  readonly version?: string;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const FILE = new URL("../package-lock.json", import.meta.url);
const OS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const CPU = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

const text = readFileSync(FILE, "utf8");
const lock = JSON.parse(text) as { packages: Record<string, Entry> };
for (const [path, parent] of Object.entries(lock.packages)) {
  if (path === "") continue; // our own optional dependencies must be there in full
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const places = [`${path}/node_modules/${name}`, `node_modules/${name}`];
    if (places.some((place) => lock.packages[place] !== undefined)) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform(name),
      ...(parent.dev === true && { dev: true }),
      optional: true,
    };
  }
}
const root = lock.packages[""];
const rest = Object.entries(lock.packages).filter(([path]) => path !== "");
rest.sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = { ...(root !== undefined && { "": root }), ...Object.fromEntries(rest) };
const completed = `${JSON.stringify(lock, undefined, 2)}\n`;
if (process.argv.includes("--check")) process.exitCode = completed === text ? 0 : 1;
else writeFileSync(FILE, completed);

/** What such packages are named after: `@oxlint/binding-linux-arm64-musl`. */
function platform(name: string): Pick<Entry, "os" | "cpu" | "libc"> {
  const words = name.slice(name.indexOf("/") + 1).split("-");
  const os = OS.find((word) => words.includes(word));
  const cpu = CPU.find((word) => words.includes(word));
  if (os === undefined || cpu === undefined) throw new Error(`${name}: no platform in its name`);
  const isMusl = words.some((word) => word.startsWith("musl"));
  const libc = os !== "linux" ? undefined : isMusl ? ["musl"] : words.includes("gnu") ? ["glibc"] : undefined;
  return { cpu: [cpu], os: [os], ...(libc !== undefined && { libc }) };
}
