/** Shows the steps of a command as they happen, with their times; as lines for people or as JSON events for tools. @module */
import type { Clock } from "#apimachinery";
import { UserError, explain } from "./user-error.ts";

export interface ProgressOutput {
  write(text: string): void;
  readonly isTTY: boolean;
}

export interface Progress {
  /** Runs one step; what it returns may end with a detail to show, given to `note`. */
  step<T>(name: string, run: (note: (detail: string) => void) => Promise<T>): Promise<T>;
  info(message: string): void;
}

/** Lines like `  ✔ Control plane answers at https://… (0.8 s)`; a running step shows on terminals only. */
export function textProgress(out: ProgressOutput, clock: Clock): Progress {
  return {
    async step(name, run) {
      const start = clock.monotonicMs();
      if (out.isTTY) out.write(`  … ${name}`);
      const line = (mark: string, detail: string): void => {
        const seconds = ((clock.monotonicMs() - start) / 1000).toFixed(1);
        out.write(`${out.isTTY ? "\r\u001b[K" : ""}  ${mark} ${name}${detail} (${seconds} s)\n`);
      };
      let detail = "";
      try {
        const result = await run((text) => (detail = `: ${text}`));
        line("✔", detail);
        return result;
      } catch (err) {
        line("✘", "");
        throw err;
      }
    },
    info: (message) => out.write(`${message}\n`),
  };
}

/** One JSON object a line: `{"type":"step","name":…,"status":"done","seconds":…}`; for IDEs and scripts. */
export function jsonProgress(out: ProgressOutput, clock: Clock): Progress {
  const emit = (event: Readonly<Record<string, unknown>>): void => out.write(`${JSON.stringify(event)}\n`);
  return {
    async step(name, run) {
      const start = clock.monotonicMs();
      const seconds = (): number => Math.round(clock.monotonicMs() - start) / 1000;
      emit({ type: "step", name, status: "started" });
      let detail: string | undefined;
      try {
        const result = await run((text) => (detail = text));
        emit({ type: "step", name, status: "done", detail, seconds: seconds() });
        return result;
      } catch (err) {
        const id = err instanceof UserError ? err.id : undefined;
        emit({ type: "step", name, status: "failed", error: explain(err), id, seconds: seconds() });
        throw err;
      }
    },
    info: (message) => emit({ type: "info", message }),
  };
}
