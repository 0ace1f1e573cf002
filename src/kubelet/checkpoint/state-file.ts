/** A small file of kubelet's own state that outlives it: replaced whole, never half written. @module */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

export interface StateFile {
  /** Undefined when there is none yet. */
  load(): Promise<string | undefined>;
  save(text: string): Promise<void>;
}

export function stateFile(path: string): StateFile {
  return {
    async load() {
      try {
        return await readFile(path, "utf8");
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw err;
      }
    },
    async save(text) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, text, { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
  };
}

/** For nodes without files. */
export function memoryState(): StateFile {
  let kept: string | undefined;
  return {
    load: async () => kept,
    save: async (text) => {
      kept = text;
    },
  };
}
