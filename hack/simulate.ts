/** `npm run simulate -- --seed N --steps M`, or `--seeds 1000 --steps 1000`: the long run of `test/simulation`. */
import { parseArgs } from "node:util";
import { simulate } from "../test/simulation/simulation.ts";

const USAGE = `Usage: npm run simulate -- [options]

  --seed N     the first seed (default 1)
  --seeds N    how many seeds, one after the other (default 1)
  --steps N    steps of each seed (default 1000)
  --trace      print every step
  --help       print this

Exits with 1 when a seed failed, with 2 when an option is wrong.`;
const NUMBER_MAX = 2 ** 32 - 1;
const SEEDS_PER_LINE = 50;

interface Run {
  readonly first: number;
  readonly count: number;
  readonly steps: number;
  readonly isTraced: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  let run: Run | undefined;
  try {
    run = parse();
  } catch (err) {
    console.error(`simulate: ${err instanceof Error ? err.message : String(err)}\n\n${USAGE}`);
    return 2;
  }
  if (run !== undefined) return runAll(run);
  console.log(USAGE);
  return 0;
}

/** Undefined: help was asked for. */
function parse(): Run | undefined {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
      steps: { type: "string", default: "1000" },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    first: wholeNumber("seed", values.seed, 0),
    count: wholeNumber("seeds", values.seeds, 1),
    steps: wholeNumber("steps", values.steps, 1),
    isTraced: values.trace,
  };
}

function wholeNumber(option: string, text: string, least: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= NUMBER_MAX) return number;
  throw new Error(
    `--${option} wants a whole number from ${least} to ${NUMBER_MAX}, not ${JSON.stringify(text)}`,
  );
}

async function runAll({ first, count, steps, isTraced }: Run): Promise<number> {
  const startMs = performance.now();
  const failed: number[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const { failure, hash, last } = await simulate({
      seed,
      steps,
      ...(isTraced && { onLine: (line: string) => console.log(line) }),
    });
    if (failure !== undefined) {
      failed.push(seed);
      console.log(`simulate: seed ${seed} failed: ${failure}\n  ${last.join("\n  ")}`);
    } else if (count === 1) console.log(`simulate: seed ${seed}, trace ${hash}`);
    const seconds = (performance.now() - startMs) / 1_000;
    const done = seed - first + 1;
    if (done % SEEDS_PER_LINE === 0 || done === count)
      console.log(
        `simulate: ${done} seeds, ${done * steps} steps, ${seconds.toFixed(1)} s, ${failed.length} failed ${failed.join(" ")}`,
      );
  }
  return failed.length === 0 ? 0 : 1;
}
