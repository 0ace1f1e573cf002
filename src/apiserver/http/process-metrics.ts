/** The process itself, under the names that every Prometheus client library uses; read when somebody asks. @module */
import { readdirSync } from "node:fs";
import { Family } from "./metric-family.ts";

const MICROS_PER_SECOND = 1_000_000;
const DESCRIPTORS = "/proc/self/fd";

export class ProcessMetrics {
  readonly #started = gauge("start_time_seconds", "Start time of the process since unix epoch in seconds.");
  readonly #cpu = new Family(
    "counter",
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
    [],
  );
  readonly #resident = gauge("resident_memory_bytes", "Resident memory size in bytes.");
  readonly #descriptors = gauge("open_fds", "Number of open file descriptors.");
  readonly #startedSeconds: number;

  /** `nowMs` and `process.uptime` tell when the process began. */
  constructor(nowMs: number) {
    this.#startedSeconds = nowMs / 1000 - process.uptime();
  }

  render(): string {
    const { user, system } = process.cpuUsage();
    this.#started.series().set(this.#startedSeconds);
    this.#cpu.series().set((user + system) / MICROS_PER_SECOND);
    this.#resident.series().set(process.memoryUsage.rss());
    const descriptors = countDescriptors();
    if (descriptors !== undefined) this.#descriptors.series().set(descriptors);
    return [this.#started, this.#cpu, this.#resident, this.#descriptors]
      .map((family) => family.render())
      .join("");
  }
}

function gauge(name: string, help: string): Family {
  return new Family("gauge", `process_${name}`, help, []);
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
