/** Finds CDI devices in the folders where drivers describe them. @module */
import { open, readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { parseYaml } from "#apimachinery";
import { type CdiSpec, cdiSpec, type ContainerEdits } from "./cdi-spec.ts";

/** The later ones win. */
export const CDI_SPEC_DIRS: readonly string[] = ["/etc/cdi", "/var/run/cdi"];

const FILES_MAX = 1000;
const FILE_BYTES_MAX = 4 * 1024 * 1024;

interface Found {
  readonly path: string;
  readonly spec: CdiSpec;
}

/**
 * What a container gets with these devices, in order: of each file first what goes with all of its devices. Throws when one
 * of them is not described, or twice in one folder.
 */
export async function findDevices(
  names: readonly string[],
  dirs: readonly string[] = CDI_SPEC_DIRS,
): Promise<readonly ContainerEdits[]> {
  const problems: string[] = [];
  const folders: (readonly Found[])[] = [];
  for (const dir of dirs) folders.push(await readFolder(dir, problems));
  const missing: string[] = [];
  const specs = new Map<string, Found>();
  const edits: ContainerEdits[] = [];
  for (const name of names) {
    const [kind = "", device = ""] = name.split("=");
    const found = find(kind, device, folders);
    if (found === undefined) {
      missing.push(name);
      continue;
    }
    const { spec, path } = found;
    if (!specs.has(path) && spec.containerEdits !== undefined) edits.push(spec.containerEdits);
    specs.set(path, found);
    edits.push(...spec.devices.filter((one) => one.name === device).map((one) => one.containerEdits));
  }
  if (missing.length === 0) return edits;
  const why = problems.length === 0 ? "" : ` (${problems.join("; ")})`;
  throw new Error(`CDI device injection failed: unresolvable CDI devices ${missing.join(", ")}${why}`);
}

/** In the last folder that has it. */
function find(kind: string, device: string, folders: readonly (readonly Found[])[]): Found | undefined {
  for (const folder of folders.toReversed()) {
    const here = folder.filter(
      ({ spec }) => spec.kind === kind && spec.devices.some(({ name }) => name === device),
    );
    if (here.length > 1) {
      const paths = here.map(({ path }) => path).join(", ");
      throw new Error(`CDI device injection failed: conflicting device ${kind}=${device} (${paths})`);
    }
    if (here.length > 0) return here[0];
  }
  return undefined;
}

/** What cannot be read is noted, and its devices are not there. */
async function readFolder(dir: string, problems: string[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await namesIn(dir)) {
    const path = join(dir, name);
    try {
      const text = await readBounded(path);
      const value: unknown = extname(name) === ".json" ? JSON.parse(text) : parseYaml(text);
      found.push({ path, spec: cdiSpec(value) });
    } catch (err) {
      problems.push(`${path}: ${(err as Error).message}`);
    }
  }
  return found;
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    return names.filter((name) => [".json", ".yaml"].includes(extname(name))).slice(0, FILES_MAX);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw err;
  }
}

async function readBounded(path: string): Promise<string> {
  await using file = await open(path);
  const { size } = await file.stat();
  if (size > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
  return file.readFile("utf8");
}
