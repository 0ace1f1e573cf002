/** The programs and files by which a node's network is changed: `ip`, `nft`, `/proc/sys/net`. All act on the namespace of this process. @module */
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tryCommand } from "#component-base";

export interface NetworkTools {
  /** Runs the lines as one `ip -batch`; rejects with ip's message at the first line that fails. */
  ip(lines: readonly string[], signal: AbortSignal): Promise<void>;
  /** Destination -> gateway of the routes marked with this protocol number. */
  routes(proto: number, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** One `nft -f -` transaction. */
  nft(script: string, signal: AbortSignal): Promise<void>;
  /** Sets `net.ipv4.ip_forward` and the like. */
  sysctl(name: string, value: string): Promise<void>;
  /** Replaces a file in one step. */
  writeFile(path: string, text: string): Promise<void>;
  hasInterface(name: string): boolean;
}

const PACKAGES: Readonly<Record<string, string>> = { ip: "iproute2", nft: "nftables" };
const MESSAGE_CHARS_MAX = 2_000;

export const systemNetworkTools: NetworkTools = {
  async ip(lines, signal) {
    if (lines.length > 0) await feed("ip", ["-batch", "-"], lines, signal);
  },
  async routes(proto, signal) {
    const text = await feed("ip", ["-json", "route", "show", "proto", String(proto)], [], signal);
    const routes = JSON.parse(text === "" ? "[]" : text) as { dst: string; gateway?: string }[];
    return new Map(routes.flatMap(({ dst, gateway }) => (gateway === undefined ? [] : [[dst, gateway]])));
  },
  async nft(script, signal) {
    await feed("nft", ["-f", "-"], [script], signal);
  },
  sysctl: (name, value) => writeFile(join("/proc/sys", ...name.split(".")), value),
  async writeFile(path, text) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  },
  // /sys shows the namespace it was mounted in; /proc/net follows the process
  hasInterface: (name) => existsSync(`/proc/sys/net/ipv4/conf/${name}`),
};

/** Standard output. */
async function feed(
  program: string,
  args: readonly string[],
  lines: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const input = lines.map((line) => `${line}\n`).join("");
  const { code, stdout, stderr } = await tryCommand([program, ...args], { input }, signal).catch(
    (err: NodeJS.ErrnoException) => {
      const hint =
        err.code === "ENOENT" ? `${program} is missing; install the package ${PACKAGES[program]}` : program;
      throw new Error(hint, { cause: err });
    },
  );
  if (code === 0) return stdout;
  const message = stderr.slice(0, MESSAGE_CHARS_MAX).trim();
  throw new Error(`${program} ${args.join(" ")} failed with code ${code}: ${message}`);
}
