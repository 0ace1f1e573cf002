import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decode, encode } from "./codec.ts";
import { cri } from "./cri.gen.ts";
import { createSchema } from "./schema.ts";

const schema = createSchema(cri);
const roundTrip = (name: string, value: object): object =>
  decode(schema.message(name), encode(schema.message(name), value));

suite("codec", () => {
  const cases: readonly [what: string, message: string, value: object][] = [
    ["strings and small integers", "ContainerMetadata", { name: "web", attempt: 3 }],
    ["64-bit integers", "HugepageLimit", { pageSize: "2MB", limit: 2 ** 40 }],
    [
      "maps with any key",
      "RemoveImageRequest",
      { image: { ...image("a"), annotations: { constructor: "1", "": "2" } } },
    ],
    ["lists of messages", "PodSandboxNetworkStatus", { ip: "10.0.0.1", additionalIps: [{ ip: "fd00::1" }] }],
    ["packed integers", "PortForwardRequest", { podSandboxId: "s", port: [80, 65535] }],
  ];
  for (const [what, message, value] of cases)
    test(`codec keeps ${what}`, () => assert.deepEqual(roundTrip(message, value), value));

  test("codec keeps nanoseconds exactly", () => {
    const at = 1_763_678_158_123_456_789n;
    const status = roundTrip("ContainerStatus", { createdAt: at, startedAt: -1n }) as {
      createdAt: bigint;
      startedAt: bigint;
      finishedAt: bigint;
    };
    assert.deepEqual([status.createdAt, status.startedAt, status.finishedAt], [at, -1n, 0n]);
  });

  test("codec tells an absent wrapped integer from zero", () => {
    assert.equal("runAsUser" in context({}), false);
    assert.equal((context({ runAsUser: 0 }) as { runAsUser: number }).runAsUser, 0);
    assert.equal((context({ runAsUser: -5 }) as { runAsUser: number }).runAsUser, -5);
  });

  test("codec names enum values and refuses unknown names", () => {
    assert.deepEqual(roundTrip("ContainerFilter", { id: "x", state: "CONTAINER_EXITED" }), {
      id: "x",
      state: "CONTAINER_EXITED",
      podSandboxId: "",
      labelSelector: {},
    });
    assert.throws(
      () => encode(schema.message("PodSandbox"), { state: "GONE" }),
      /GONE is none of SANDBOX_READY/,
    );
  });

  test("codec takes text where the wire has bytes", () => {
    const { value } = roundTrip("KeyValue", { key: "A", value: "grüß" }) as { value: Uint8Array };
    assert.equal(Buffer.from(value).toString(), "grüß");
  });

  test("codec refuses integers that a double cannot hold", () => {
    assert.throws(
      () => encode(schema.message("HugepageLimit"), { limit: 2 ** 60 + 0.5e3 * 2 ** 10 }),
      TypeError,
    );
  });
});

function image(name: string): object {
  return { image: name, annotations: {}, userSpecifiedImage: "", runtimeHandler: "", imageRef: "" };
}

function context(value: object): object {
  return roundTrip("LinuxSandboxSecurityContext", value);
}
