/** Checks `--extra-config` against the flags that the components have, before anything starts. @module */
import { InvalidArgumentError, type Command } from "commander";
import { COMPONENT_PROCESSES, extraConfigRefusal, parseExtraOption, type ExtraOption } from "#launcher";

/** `program` is the whole command line, with its `server` and `agent`. Throws what is wrong. */
export function extraConfigOf(program: Command, texts: readonly string[]): readonly ExtraOption[] {
  return texts.map((text) => {
    const option = parseExtraOption(text);
    checkFlag(program, option);
    return option;
  });
}

function checkFlag(program: Command, { component, flag, value }: ExtraOption): void {
  const process = program.commands.find((command) => command.name() === COMPONENT_PROCESSES[component]);
  const known = process?.options.find(({ long }) => long === `--${flag}`);
  if (known === undefined) throw extraConfigRefusal(`${component} has no flag --${flag}`);
  if (known.isBoolean()) throw extraConfigRefusal(`${component}.${flag} takes no value`);
  try {
    known.parseArg?.(value, undefined as never);
  } catch (err) {
    if (!(err instanceof InvalidArgumentError)) throw err;
    throw extraConfigRefusal(`${component}.${flag}=${value}: ${err.message}`);
  }
}
