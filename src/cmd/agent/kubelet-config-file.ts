/** `--config`: a KubeletConfiguration file, under the flags that are given. @module */
import { readFile } from "node:fs/promises";
import { parseYaml } from "#apimachinery";
import { kubeletConfiguration, type FileOptions, type KubeletFile } from "#kubelet";
import type { AgentFlags } from "./agent.ts";
import type { resourceOptions } from "./resource-options.ts";

/** Flags with what the file says of those that were not given. Rejects as `withConfigFile`. */
export async function withFileFlags(
  flags: AgentFlags,
  isGiven: (flag: string) => boolean,
): Promise<AgentFlags> {
  if (flags.config === undefined) return flags;
  const { agent } = await readConfiguration(flags.config);
  return { ...flags, ...Object.fromEntries(Object.entries(agent).filter(([flag]) => !isGiven(flag))) };
}

/** Rejects for a file that cannot be read, or asks for what this kubelet does not do. */
export async function withConfigFile(
  path: string | undefined,
  flags: ReturnType<typeof resourceOptions>,
): Promise<FileOptions> {
  if (path === undefined) return flags;
  const { options: file } = await readConfiguration(path);
  return {
    ...file,
    ...flags,
    eviction: { ...file.eviction, ...flags.eviction },
    imageGC: { ...file.imageGC, ...flags.imageGC },
  };
}

async function readConfiguration(path: string): Promise<KubeletFile> {
  try {
    return kubeletConfiguration(parseYaml(await readFile(path, "utf8")));
  } catch (cause) {
    throw new Error(`Cannot use the kubelet configuration ${path}: ${(cause as Error).message}`, { cause });
  }
}
