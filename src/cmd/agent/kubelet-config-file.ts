/** `--config`: a KubeletConfiguration file, under the flags that are given. @module */
import { readFile } from "node:fs/promises";
import { parseYaml } from "#apimachinery";
import { kubeletConfiguration, type FileOptions } from "#kubelet";
import type { resourceOptions } from "./resource-flags.ts";

/** Rejects for a file that cannot be read, or asks for what this kubelet does not do. */
export async function withConfigFile(
  path: string | undefined,
  flags: ReturnType<typeof resourceOptions>,
): Promise<FileOptions> {
  if (path === undefined) return flags;
  const file = await readConfiguration(path);
  return {
    ...file,
    ...flags,
    eviction: { ...file.eviction, ...flags.eviction },
    imageGC: { ...file.imageGC, ...flags.imageGC },
  };
}

async function readConfiguration(path: string): Promise<FileOptions> {
  try {
    return kubeletConfiguration(parseYaml(await readFile(path, "utf8")));
  } catch (cause) {
    throw new Error(`Cannot use the kubelet configuration ${path}: ${(cause as Error).message}`, { cause });
  }
}
