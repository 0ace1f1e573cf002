import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, StatusError } from "#apimachinery";
import { measuredTransport } from "./measured-transport.ts";
import type { Request, Transport } from "./transport.ts";

test("measuredTransport() counts requests by what became of them, and times them", async () => {
  const clock = new FakeClock(0);
  const told: string[] = [];
  const metrics = {
    inc: (name: string, labels: object) => void told.push(`${name} ${Object.values(labels).join(" ")}`),
    observe: (_: string, labels: object, value: number) =>
      void told.push(`${Object.values(labels).join(" ")} ${value}`),
    set: () => {},
  };
  const answers = [
    async () => ({ status: 201, headers: {}, body: {} }),
    () => Promise.reject(new StatusError("Conflict", "no")),
    () => Promise.reject(new Error("gone")),
  ];
  const server: Partial<Transport> = {
    request: () => {
      clock.advance(500);
      return answers.shift()!();
    },
  };
  const transport = measuredTransport(server as Transport, { metrics, clock, host: "h" });
  const signal = new AbortController().signal;
  const request: Request = { method: "POST", path: "/api" };
  await transport.request(request, signal);
  await assert.rejects(transport.request(request, signal), /no/u);
  await assert.rejects(transport.request(request, signal), /gone/u);
  assert.deepEqual(
    told,
    ["201", "409", "<error>"].flatMap((code) => [`rest_client_requests_total ${code} POST h`, "POST h 0.5"]),
  );
});
