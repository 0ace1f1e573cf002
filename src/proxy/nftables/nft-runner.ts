/** Runs nft: the only door to the kernel's tables. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { tryCommand } from "#component-base";

export interface NftRunner {
  /** Applies the script as one transaction; rejects with nft's message and changes nothing on failure. */
  apply(script: string, signal: AbortSignal): Promise<void>;
  /** All that a table (`ip k8ts-proxy`) holds, line after line as nft shows it; rejects if there is no such table. */
  list(table: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>;
}

/** nft echoes the failing lines; the first ones say enough. */
const MESSAGE_CHARS_MAX = 2_000;

/** `prefix` leads into another network namespace (`nsenter --net=…`); absent: that of this process. */
export function systemNft(prefix: readonly string[] = []): NftRunner {
  const [file, ...args] = [...prefix, "nft"];
  return {
    async apply(script, signal) {
      const command = [file, ...args, "-f", "-"] as const;
      const { code, stderr } = await tryCommand(command, { input: script }, signal).catch(explain);
      if (code !== 0) throw failure("-f -", code, stderr);
    },
    async list(table, onLine, signal) {
      const asked = ["list", "table", ...table.split(" ")];
      // line by line: a table of many clients is longer than any text should be
      const child = spawn(file, [...args, ...asked], { stdio: ["ignore", "pipe", "pipe"], signal });
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        if (stderr.length < MESSAGE_CHARS_MAX) stderr += text;
      });
      const lines = createInterface({ input: child.stdout }).on("line", onLine);
      const ended = once(lines, "close");
      const [code] = (await once(child, "close").catch(explain)) as [number | null];
      if (code !== 0) throw failure(asked.join(" "), code ?? 128, stderr);
      await ended;
    },
  };
}

function failure(asked: string, code: number, stderr: string): Error {
  return new Error(`nft ${asked} failed with code ${code}: ${stderr.slice(0, MESSAGE_CHARS_MAX).trim()}`);
}

function explain(err: NodeJS.ErrnoException): never {
  if (err.code !== "ENOENT") throw err;
  throw new Error("nft is missing; install the package nftables", { cause: err });
}
