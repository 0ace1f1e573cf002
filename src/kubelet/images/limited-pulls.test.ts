import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { limitedPulls } from "./limited-pulls.ts";

const signal = new AbortController().signal;

test("limitedPulls() fails what exceeds the rate", async () => {
  const clock = new FakeClock();
  const images = {
    imageStatus: async () => ({}) as never,
    pullImage: async () => "sha256:1",
  };
  const limited = limitedPulls(images, { clock, registryPullQPS: 2, registryBurst: 3 });
  const pull = (): Promise<string> => limited.pullImage({ image: "a" }, {}, {} as never, signal);
  for (let i = 0; i < 3; i++) assert.equal(await pull(), "sha256:1");
  await assert.rejects(pull(), /^Error: pull QPS exceeded$/u);
  clock.advance(500);
  assert.equal(await pull(), "sha256:1");
  await assert.rejects(pull(), /pull QPS exceeded/u);
  assert.equal(limitedPulls(images, { clock }), images, "no bound by default");
});
