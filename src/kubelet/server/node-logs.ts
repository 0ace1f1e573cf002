/** `/logs/`: the machine's own log files, and those of its services by journald. @module */
import { execFile, spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { type Clock, deadline } from "#apimachinery";
import {
  describeCauses,
  hasOptions,
  journalArguments,
  type LogQuery,
  parseLogQuery,
  validateLogQuery,
} from "./log-query.ts";
import { HttpError } from "./server-host.ts";

export interface NodeLogs {
  readonly clock: Clock;
  readonly dir: string;
  readonly isEnabled: boolean;
  readonly isQueryEnabled: boolean;
}

interface Target {
  readonly path: string;
  readonly params: URLSearchParams;
}

const QUERY_TIMEOUT_MS = 30_000;
/** Of the list of services that journald knows. */
const UNITS_BYTES_MAX = 4 * 2 ** 20;
const TEXT = "text/plain;charset=UTF-8";
const run = promisify(execFile);

/** `path` is what follows `/logs/`, decoded. */
export async function serveNodeLogs(
  logs: NodeLogs,
  { path, params }: Target,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  if (!logs.isEnabled) throw new HttpError(405, "logs endpoint is disabled.");
  const { query, causes } = logs.isQueryEnabled ? parseLogQuery(params) : { query: undefined, causes: [] };
  const all = query === undefined ? causes : validateLogQuery(query);
  if (all.length > 0) throw new HttpError(400, describeCauses(all));
  if (query === undefined) return serveFile(logs.dir, path, response, signal);
  if (path !== "") throw new HttpError(406, "path not allowed in query mode");
  const [file] = query.files;
  if (file !== undefined) return serveFile(logs.dir, file.replaceAll("\\", "/"), response, signal);
  using limit = deadline(logs.clock, QUERY_TIMEOUT_MS, new Error("reading the logs took too long"));
  const limited = AbortSignal.any([signal, limit.signal]);
  response.writeHead(200, { "content-type": TEXT });
  await copyServices(logs.dir, query, response, limited);
  response.end();
}

/** A service that journald does not know is looked for among the files. */
async function copyServices(
  dir: string,
  query: LogQuery,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const units = await journalUnits(signal);
  const fileServices = query.services.filter((service) => !units.includes(`${service}.service`));
  if (fileServices.length === 0) return copyJournal(query, response, signal);
  if (hasOptions(query)) {
    const names = `[${fileServices.join(" ")}]`;
    const hint = "try without specifying options";
    response.write(`\noptions present and query resolved to log files for ${names}\n${hint}\n`);
    return;
  }
  for (const service of fileServices) {
    const found = await firstFile(dir, [service, `${service}.log`, `${service}/${service}.log`]);
    if (found === undefined) response.write(`\nlog not found for ${service}\n`);
    else await pipeline(createReadStream(found), response, { end: false, signal });
  }
}

/** "" where there is no journald. */
async function journalUnits(signal: AbortSignal): Promise<string> {
  try {
    const limits = { signal, maxBuffer: UNITS_BYTES_MAX };
    return (await run("journalctl", ["--field", "_SYSTEMD_UNIT"], limits)).stdout;
  } catch {
    signal.throwIfAborted();
    return "";
  }
}

async function copyJournal(query: LogQuery, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const child = spawn("journalctl", journalArguments(query, query.services), {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  child.stderr.pipe(response, { end: false });
  const started = new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.on("error", reject);
  });
  try {
    await started;
    await pipeline(child.stdout, response, { end: false, signal });
  } catch (err) {
    signal.throwIfAborted();
    response.write(`\nerror: journal output not available: ${(err as Error).message}\n`);
  }
}

async function serveFile(
  dir: string,
  path: string,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const found = await inside(dir, path);
  if (found === undefined) throw new HttpError(404, "404 page not found");
  if ((await stat(found)).isDirectory()) return listFolder(found, response);
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  await pipeline(createReadStream(found), response, { signal });
}

async function listFolder(path: string, response: ServerResponse): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  const lines = entries
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .toSorted()
    .map((name) => `<a href="${encodeURIComponent(name).replace("%2F", "/")}">${escaped(name)}</a>\n`);
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end(
    `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join("")}</pre>\n`,
  );
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&#34;");
}

async function firstFile(dir: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await inside(dir, path);
    if (found !== undefined && (await stat(found)).isFile()) return found;
  }
  return undefined;
}

/** The real path, unless there is none or it lies elsewhere: links do not lead out of the folder. */
async function inside(dir: string, path: string): Promise<string | undefined> {
  try {
    const [root, found] = await Promise.all([realpath(dir), realpath(join(dir, `/${path}`))]);
    return found === root || found.startsWith(`${root}/`) ? found : undefined;
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ERR_INVALID_ARG_VALUE") return undefined;
    throw err;
  }
}
