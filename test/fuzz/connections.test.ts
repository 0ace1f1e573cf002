/** Bytes that are no HTTP, or too clever HTTP, over real sockets: the server answers 4xx or hangs up, and nothing is stored. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type * as tls from "node:tls";
import { after, before, suite, test } from "node:test";
import fc from "fast-check";
import { connectHttp2, connectRaw, probe, startVictim, type Victim } from "./server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const BODY = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "smuggled" } });
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const CONNECTIONS = 150;
/** Enough for a server to answer what it will ever answer. */
const SILENCE_MS = 3_000;

suite("hostile connections", () => {
  let victim: Victim;
  let revision = 0;

  before(async () => {
    victim = await startVictim({ requestTimeoutMs: 1_000 });
    revision = await victim.store.revision();
  });
  after(() => victim[Symbol.asyncDispose]());

  /** What came back until the server hung up, or nothing came any more. */
  async function exchange(protocol: "http/1.1" | "h2", bytes: Uint8Array, end = true): Promise<Buffer> {
    const socket = await connectRaw(victim, protocol);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // `once` would take a reset for a failure
    const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
    socket.write(bytes);
    if (end) socket.end();
    const timer = setTimeout(() => socket.destroy(), SILENCE_MS);
    await closed;
    clearTimeout(timer);
    return Buffer.concat(chunks);
  }

  async function isUnharmed(): Promise<void> {
    assert.equal(await probe(victim), "ok");
    assert.equal(await victim.store.revision(), revision, "something was stored");
  }

  const head = (lines: readonly string[], body = BODY): Buffer =>
    Buffer.from(`${[`POST ${MAPS} HTTP/1.1`, "host: x", ...lines].join("\r\n")}\r\n\r\n${body}`);

  const chunked = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
  for (const [what, bytes] of [
    ["a length and chunks", head(["content-length: 4", "transfer-encoding: chunked"], chunked)],
    ["two lengths", head([`content-length: ${BODY.length}`, "content-length: 3"])],
    ["a negative length", head(["content-length: -1"])],
    ["a length that is no number", head(["content-length: 0x10"])],
    ["a length beyond the body", head([`content-length: ${BODY.length + 10}`])],
    ["an encoding nobody knows", head(["transfer-encoding: chunked, gzip"], chunked)],
    ["a chunk longer than it says", head(["transfer-encoding: chunked"], `2\r\n${BODY}\r\n0\r\n\r\n`)],
    ["a header with a NUL", head(["x-a: b\0c", `content-length: ${BODY.length}`])],
    ["a folded header", head(["x-a: b", " c", `content-length: ${BODY.length}`])],
    ["a blank before the colon", head([`content-length : ${BODY.length}`])],
    ["a method nobody knows", Buffer.from(`STEAL ${MAPS} HTTP/1.1\r\nhost: x\r\n\r\n`)],
    ["no host", Buffer.from(`POST ${MAPS} HTTP/1.1\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`)],
    ["HTTP/0.9", Buffer.from(`POST ${MAPS}\r\n${BODY}`)],
    ["headers without end", Buffer.from(`GET / HTTP/1.1\r\nx: ${"a".repeat(2 * 1024 * 1024)}`)],
  ] as const)
    test(`HTTP/1.1 with ${what}: refused, and nothing of it is taken for a request`, async () => {
      const answer = (await exchange("http/1.1", bytes)).toString();
      for (const [, status] of answer.matchAll(/^HTTP\/1\.1 (\d+)/gm))
        assert.match(status!, /^4\d\d$/, answer);
      await isUnharmed();
    });

  test("a body of which half comes, and then nothing: ends with the time of the request", async () => {
    const half = head([`content-length: ${BODY.length}`], BODY.slice(0, 20));
    const answer = (await exchange("http/1.1", half, false)).toString();
    assert.match(answer, /^HTTP\/1\.1 504/);
    await isUnharmed();
  });

  test("a client that closes its half of the connection in the body is let go", async () => {
    const half = head([`content-length: ${BODY.length}`], BODY.slice(0, 20));
    await exchange("http/1.1", half, true);
    await isUnharmed();
  });

  test("random bytes over HTTP/1.1 and HTTP/2 end in an error or a closed connection", async (t) => {
    const seed = Math.trunc(Math.random() * 2 ** 31);
    t.diagnostic(`seed ${seed}`);
    for (const bytes of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 400 }), {
      numRuns: CONNECTIONS,
      seed,
    })) {
      await exchange("http/1.1", bytes);
      await exchange("h2", Buffer.concat([PREFACE, bytes]));
    }
    await isUnharmed();
  });

  test("HTTP/2 frames of random types, flags and lengths", async (t) => {
    const seed = Math.trunc(Math.random() * 2 ** 31);
    t.diagnostic(`seed ${seed}`);
    const frames = fc.array(
      fc.record({
        type: fc.nat(12),
        flags: fc.nat(255),
        stream: fc.nat(9),
        payload: fc.uint8Array({ maxLength: 64 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    for (const sent of fc.sample(frames, { numRuns: CONNECTIONS, seed })) {
      await exchange("h2", Buffer.concat([PREFACE, frame(4, 0, 0, new Uint8Array()), ...sent.map(frameOf)]));
    }
    await isUnharmed();
  });

  test("streams that are opened and reset at once, a thousand times", async () => {
    const session = connectHttp2(victim);
    session.on("error", () => {}); // the server may hang up on such a client
    for (let i = 0; i < 1_000 && !session.destroyed; i++) {
      const stream = session.request({ ":path": MAPS, ":method": "GET" });
      stream.on("error", () => {});
      stream.close(8);
    }
    session.destroy();
    await isUnharmed();
  });

  test("a handshake that is begun and left", async () => {
    const sockets: tls.TLSSocket[] = [];
    for (let i = 0; i < 50; i++) sockets.push(await connectRaw(victim, "h2"));
    await isUnharmed();
    for (const socket of sockets) {
      const closed = once(socket, "close");
      socket.destroy();
      await closed;
    }
  });
});

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

function frameOf({ type, flags, stream, payload }: Frame): Buffer {
  return frame(type, flags, stream, payload);
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}
