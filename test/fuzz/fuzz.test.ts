import { test } from "node:test";
import { fuzz } from "./fuzz.ts";

const REQUESTS = 5_000;

test("fuzz: every answer to a mutated request is well-formed, and what was refused changed nothing", async (t) => {
  const seed = Number(process.env["FUZZ_SEED"] ?? Math.trunc(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed}; again with: npm run fuzz -- --seed ${seed} --requests ${REQUESTS}`);
  const { statuses } = await fuzz({ requests: REQUESTS, seed });
  t.diagnostic(JSON.stringify(Object.fromEntries(statuses)));
});
