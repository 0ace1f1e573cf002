/** File systems on devices of the node: made where there is none, mended and mounted; upstream's `SafeFormatAndMount`. @module */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { KeyedLock } from "../keyed-lock.ts";
import type { MountRequest } from "../platform/platform.ts";
import { type ExecFailure, mount } from "./mounts.ts";

const run = promisify(execFile);
const PROBE_TIMEOUT_MS = 30_000;
/** Of a large disk. */
const WORK_TIMEOUT_MS = 600_000;
/** Of blkid: nothing on the device that it knows. */
const NOTHING_FOUND = 2;
/** Of fsck: errors were left. Above it, the check itself failed. */
const ERRORS_UNCORRECTED = 4;

/** Two pods that share a device must not both find it empty. */
const devices = new KeyedLock();

/** `source` is the device, `type` the file system it is to have. What is on it already is never overwritten. */
export function formatAndMount(request: MountRequest): Promise<void> {
  return devices.run([request.source], async () => {
    const { source, type, options } = request;
    const format = await diskFormat(source);
    const isReadOnly = options.includes("ro");
    if (format === "") {
      if (isReadOnly)
        throw new Error(
          `cannot mount unformatted disk ${source} as we are manipulating it in read-only mode`,
        );
      await makeFileSystem(source, type);
    } else if (!isReadOnly) {
      await checkFileSystem(source);
    }
    await mount({ ...request, options: [...options, "defaults"] });
  });
}

/** The type of the file system, or what else stands there; empty: nothing. */
async function diskFormat(device: string): Promise<string> {
  const args = ["-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", device];
  try {
    const { stdout } = await run("blkid", args, { timeout: PROBE_TIMEOUT_MS });
    return formatOf(stdout);
  } catch (err) {
    if ((err as ExecFailure).code === NOTHING_FOUND) return "";
    throw new Error(`failed to get disk format of disk ${device}: ${outputOf(err)}`, { cause: err });
  }
}

/** From blkid's lines `NAME=value`. A table of partitions is no file system, and nothing to write over. */
export function formatOf(text: string): string {
  const values = new Map(text.split("\n").map((line) => line.split("=", 2) as [string, string | undefined]));
  if ((values.get("PTTYPE") ?? "") !== "") return "unknown data, probably partitions";
  return values.get("TYPE") ?? "";
}

const FORCED: Readonly<Record<string, readonly string[]>> = {
  // without blocks kept for root
  ext3: ["-F", "-m0"],
  ext4: ["-F", "-m0"],
  xfs: ["-f"],
};

async function makeFileSystem(device: string, type: string): Promise<void> {
  const args = [...(Object.hasOwn(FORCED, type) ? FORCED[type]! : []), device];
  try {
    await run(`mkfs.${type}`, args, { timeout: WORK_TIMEOUT_MS });
  } catch (err) {
    throw new Error(
      `format of disk ${JSON.stringify(device)} failed: type:(${JSON.stringify(type)}) ${outputOf(err)}`,
      {
        cause: err,
      },
    );
  }
}

/** A check that could not run stops nobody; the kernel looks once more when it mounts. */
async function checkFileSystem(device: string): Promise<void> {
  try {
    await run("fsck", ["-a", device], { timeout: WORK_TIMEOUT_MS });
  } catch (err) {
    if ((err as ExecFailure).code !== ERRORS_UNCORRECTED) return;
    throw new Error(`'fsck' found errors on device ${device} but could not correct them: ${outputOf(err)}`, {
      cause: err,
    });
  }
}

function outputOf(err: unknown): string {
  const { code, stdout, stderr } = err as ExecFailure;
  return `errcode:(${code ?? "unknown"}) output:(${`${stdout ?? ""}${stderr ?? ""}`.trim()})`;
}
