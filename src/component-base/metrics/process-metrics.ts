/** The process itself, under the names that every Prometheus client library uses; read when somebody asks. @module */
import { readdirSync } from "node:fs";
import { familyText } from "./metrics-text.ts";

const MICROS_PER_SECOND = 1_000_000;
const DESCRIPTORS = "/proc/self/fd";

/** When the process began, in seconds since 1970; `nowMs` is the time of the call. */
export function processStartSeconds(nowMs: number): number {
  return nowMs / 1000 - process.uptime();
}

export function processMetricsText(startSeconds: number): string {
  const { user, system } = process.cpuUsage();
  return [
    one(
      "gauge",
      "start_time_seconds",
      "Start time of the process since unix epoch in seconds.",
      startSeconds,
    ),
    one(
      "counter",
      "cpu_seconds_total",
      "Total user and system CPU time spent in seconds.",
      (user + system) / MICROS_PER_SECOND,
    ),
    one("gauge", "resident_memory_bytes", "Resident memory size in bytes.", process.memoryUsage.rss()),
    one("gauge", "open_fds", "Number of open file descriptors.", countDescriptors()),
  ].join("");
}

/** Undefined where there is no such folder. */
function countDescriptors(): number | undefined {
  try {
    return readdirSync(DESCRIPTORS).length;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}

function one(type: "counter" | "gauge", name: string, help: string, value: number | undefined): string {
  return familyText(`process_${name}`, type, help, [{ labels: {}, value }]);
}
