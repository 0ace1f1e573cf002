/** What a simulated container does: run for ever, or end after a while. @module */
import type { ContainerConfig } from "../container.ts";
import type { StringMap } from "../sandbox.ts";

/** On a pod: for all its containers, or with `.NAME` appended for one. Value: `CODE` or `CODE after DURATION`. */
export const SIMULATED_EXIT_ANNOTATION = "k8ts.io/simulated-exit";

export interface Script {
  /** Undefined: it runs until it is stopped. */
  readonly exit: { readonly code: number; readonly afterMs: number } | undefined;
  /** Its one line of log. */
  readonly output: string;
}

/** The annotation decides; else commands that say by themselves how they end; else it runs. */
export function planScript(config: ContainerConfig, podAnnotations: StringMap): Script {
  const { name } = config.metadata;
  const scripted =
    podAnnotations[`${SIMULATED_EXIT_ANNOTATION}.${name}`] ?? podAnnotations[SIMULATED_EXIT_ANNOTATION];
  const command = [...(config.command ?? []), ...(config.args ?? [])];
  const shown = command.length === 0 ? config.image.image : command.join(" ");
  const output = `simulated: ${shown}`.replaceAll("\n", " ");
  if (scripted !== undefined) return { exit: parseExit(scripted), output };
  const isShell = /(^|\/)(ba|da|a)?sh$/.test(command[0] ?? "") && command[1] === "-c";
  const words = isShell ? (command[2] ?? "").trim().split(/\s+/) : command;
  return planCommand(words) ?? { exit: undefined, output };
}

/** Undefined for what it cannot tell the end of. */
function planCommand([program = "", ...args]: readonly string[]): Script | undefined {
  const output = `simulated: ${[program, ...args].join(" ")}`;
  // More than one command in a line: only a shell could tell.
  if (args.some((arg) => /[;&|<>$`]/.test(arg))) return undefined;
  const isNumber = args.length === 1 && /^\d+(\.\d+)?$/.test(args[0]!);
  switch (program.replace(/^.*\//, "")) {
    case "true":
      return { exit: { code: 0, afterMs: 0 }, output };
    case "false":
      return { exit: { code: 1, afterMs: 0 }, output };
    case "echo":
      return { exit: { code: 0, afterMs: 0 }, output: args.join(" ").replaceAll(/^["']|["']$/g, "") };
    case "exit":
      return isNumber ? { exit: { code: Number(args[0]) & 0xff, afterMs: 0 }, output } : undefined;
    case "sleep":
      return isNumber ? { exit: { code: 0, afterMs: Number(args[0]) * 1_000 }, output } : undefined;
    default:
      return undefined;
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Undefined, and so running for ever, for text that means nothing. */
function parseExit(text: string): Script["exit"] {
  const [, code, amount = "0", unit = "s"] =
    /^(\d{1,3})(?:\s+after\s+(\d+(?:\.\d+)?)(ms|s|m|h))?$/.exec(text.trim()) ?? [];
  return code === undefined ? undefined : { code: Number(code), afterMs: Number(amount) * UNITS_MS[unit]! };
}
