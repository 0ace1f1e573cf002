/** `npm run fuzz -- --requests 100000 --seed 1`: the long run of `test/fuzz`. */
import { parseArgs } from "node:util";
import { fuzz } from "../test/fuzz/fuzz.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "100000" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? Math.trunc(Math.random() * 2 ** 31));
const startedAt = performance.now();
console.log(`fuzz: seed ${seed}`);
const { statuses } = await fuzz({
  requests: Number(values.requests),
  seed,
  onProgress: (done) => {
    if (done % 10_000 === 0)
      console.log(`fuzz: ${done} requests, ${Math.round((performance.now() - startedAt) / 1000)} s`);
  },
});
console.log(`fuzz: ${JSON.stringify(Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)))}`);
