/** `npm run simulate -- --seed N --steps M`, or `--seeds 1000 --steps 1000`: the long run of `test/simulation`. */
import { parseArgs } from "node:util";
import { simulate } from "../test/simulation/simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "1" },
    steps: { type: "string", default: "1000" },
    /** Prints every step. */
    trace: { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
const steps = Number(values.steps);
const startMs = performance.now();
const failed: number[] = [];
for (let seed = first; seed < first + count; seed++) {
  const { failure, hash, last } = await simulate({
    seed,
    steps,
    ...(values.trace && { onLine: (line: string) => console.log(line) }),
  });
  if (failure !== undefined) {
    failed.push(seed);
    console.log(`simulate: seed ${seed} failed: ${failure}\n  ${last.join("\n  ")}`);
  } else if (count === 1) console.log(`simulate: seed ${seed}, trace ${hash}`);
  const seconds = (performance.now() - startMs) / 1_000;
  const done = seed - first + 1;
  if (done % 50 === 0 || done === count)
    console.log(
      `simulate: ${done} seeds, ${done * steps} steps, ${seconds.toFixed(1)} s, ${failed.length} failed ${failed.join(" ")}`,
    );
}
process.exitCode = failed.length === 0 ? 0 : 1;
