/** Runs `nft -f -`: the only door to the kernel's tables. @module */
import { spawn } from "node:child_process";

export interface NftRunner {
  /** Applies the script as one transaction; rejects with nft's message and changes nothing on failure. */
  apply(script: string, signal: AbortSignal): Promise<void>;
}

/** nft echoes the failing lines; the first ones say enough. */
const MESSAGE_BYTES_MAX = 2_000;

/** `prefix` leads into another network namespace (`nsenter --net=…`); absent: that of this process. */
export function systemNft(prefix: readonly string[] = []): NftRunner {
  const [file, ...args] = [...prefix, "nft", "-f", "-"];
  return {
    apply: (script, signal) =>
      new Promise((resolve, reject) => {
        const nft = spawn(file, args, { stdio: ["pipe", "ignore", "pipe"], signal });
        let stderr = "";
        nft.stderr.setEncoding("utf8").on("data", (text: string) => {
          if (stderr.length < MESSAGE_BYTES_MAX) stderr += text.slice(0, MESSAGE_BYTES_MAX);
        });
        nft.once("error", (err: NodeJS.ErrnoException) => {
          if (err.code === "ENOENT")
            reject(new Error("nft is missing; install the package nftables", { cause: err }));
          else reject(err);
        });
        nft.once("close", (code) => {
          if (code === 0) resolve();
          else reject(new Error(`nft -f - failed with code ${code}: ${stderr.trim()}`));
        });
        nft.stdin.on("error", () => {}); // nft that ends early tells why by its exit
        nft.stdin.end(script);
      }),
  };
}
