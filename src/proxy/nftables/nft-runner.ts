/** Runs `nft -f -`: the only door to the kernel's tables. @module */
import { tryCommand } from "#component-base";

export interface NftRunner {
  /** Applies the script as one transaction; rejects with nft's message and changes nothing on failure. */
  apply(script: string, signal: AbortSignal): Promise<void>;
}

/** nft echoes the failing lines; the first ones say enough. */
const MESSAGE_CHARS_MAX = 2_000;

/** `prefix` leads into another network namespace (`nsenter --net=…`); absent: that of this process. */
export function systemNft(prefix: readonly string[] = []): NftRunner {
  const [file, ...args] = [...prefix, "nft", "-f", "-"];
  return {
    async apply(script, signal) {
      const { code, stderr } = await tryCommand([file, ...args], { input: script }, signal).catch(explain);
      if (code !== 0)
        throw new Error(`nft -f - failed with code ${code}: ${stderr.slice(0, MESSAGE_CHARS_MAX).trim()}`);
    },
  };
}

function explain(err: NodeJS.ErrnoException): never {
  if (err.code !== "ENOENT") throw err;
  throw new Error("nft is missing; install the package nftables", { cause: err });
}
