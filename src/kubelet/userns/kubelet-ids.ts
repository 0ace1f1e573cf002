/** Which ids the machine's administrator gave to the user `kubelet`, by `getsubids`; else all but the machine's own. @module */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { defaultIdSpace, type IdSpace, parseSubIds } from "./id-ranges.ts";

const USER = "kubelet";
const PASSWD = "/etc/passwd";
const TIMEOUT_MS = 10_000;
const run = promisify(execFile);

/** Throws when the user exists and its ids cannot be told: guessing might give away those of others. */
export async function kubeletIdSpace(idsPerPod: number, signal: AbortSignal): Promise<IdSpace> {
  const users = await readFile(PASSWD, "utf8");
  if (!users.split("\n").some((line) => line.startsWith(`${USER}:`))) return defaultIdSpace(idsPerPod);
  const [uids, gids] = await Promise.all([subIds([], "uids", signal), subIds(["-g"], "gids", signal)]);
  if (uids === undefined || gids === undefined) return defaultIdSpace(idsPerPod);
  if (uids !== gids) throw new Error(`mismatched subuids and subgids for user ${JSON.stringify(USER)}`);
  return parseSubIds(uids);
}

async function subIds(
  flags: readonly string[],
  what: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { stdout } = await run("getsubids", [...flags, USER], { signal, timeout: TIMEOUT_MS });
    return stdout;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const message = `error retrieving additional ${what} for user ${JSON.stringify(USER)}: ${(cause as Error).message}`;
    throw new Error(message, { cause });
  }
}
