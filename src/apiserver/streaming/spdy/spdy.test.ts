import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { test } from "node:test";
import { constants, createDeflate, inflateSync } from "node:zlib";
import { DICTIONARY } from "./dictionary.ts";
import { encodeFrame, FrameReader, type Frame } from "./frames.ts";
import { HeaderCompressor, HeaderDecompressor } from "./header-block.ts";
import { SpdyConnection, STREAMS_MAX } from "./spdy-connection.ts";
import type { SpdyStream } from "./spdy-stream.ts";

test("HeaderCompressor writes a stream that zlib with the dictionary reads", () => {
  const compressor = new HeaderCompressor();
  const all = [{ streamtype: "stdin" }, { streamtype: "stdout", port: "80" }];
  const packed = all.map((headers) => compressor.compress(headers));
  const options = { dictionary: DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH };
  assert.deepEqual(inflateSync(Buffer.concat(packed), options), Buffer.concat(all.map(rawBlock)));
  assert.ok(packed[1]!.length < 40);
});

test("HeaderDecompressor reads what zlib with the dictionary writes, block by block", async () => {
  const deflate = createDeflate({ dictionary: DICTIONARY });
  const chunks: Buffer[] = [];
  deflate.on("data", (chunk: Buffer) => chunks.push(chunk));
  const decompressor = new HeaderDecompressor();
  for (const headers of [{ streamtype: "stdin" }, { streamtype: "stdin", requestid: "7" }]) {
    deflate.write(rawBlock(headers));
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    assert.deepEqual(decompressor.decompress(Buffer.concat(chunks.splice(0))), headers);
  }
});

test("HeaderDecompressor refuses garbage, lies about lengths, and bombs", () => {
  const bomb = { bomb: "x".repeat(100_000) };
  assert.throws(() => new HeaderDecompressor().decompress(new HeaderCompressor().compress(bomb)));
  for (const bytes of [Buffer.alloc(0), Buffer.from("garbage!"), Buffer.from([0x78, 0xbb, 0, 0, 0, 0, 1, 2])])
    assert.throws(() => new HeaderDecompressor().decompress(bytes));
});

const frames: readonly Frame[] = [
  { type: "syn-stream", id: 1, headers: { streamtype: "error" }, fin: false },
  { type: "syn-reply", id: 1, headers: {}, fin: true },
  { type: "headers", id: 1, headers: { a: "b" }, fin: false },
  { type: "data", id: 1, data: Buffer.from("hello"), fin: false },
  { type: "data", id: 1, data: Buffer.alloc(0), fin: true },
  { type: "rst-stream", id: 3, status: 5 },
  { type: "settings", initialWindow: 1_000 },
  { type: "settings", initialWindow: undefined },
  { type: "ping", id: 2 },
  { type: "goaway", lastId: 3, status: 0 },
  { type: "window-update", id: 3, delta: 4_096 },
];

test("FrameReader reads every frame that encodeFrame() writes, also byte by byte", () => {
  const compressor = new HeaderCompressor();
  const bytes = Buffer.concat(frames.map((frame) => encodeFrame(frame, compressor)));
  assert.deepEqual([...new FrameReader().read(bytes)], frames);
  const reader = new FrameReader();
  const seen = [...bytes].flatMap((byte) => [...reader.read(Buffer.from([byte]))]);
  const data = seen.filter((frame) => frame.type === "data");
  assert.equal(Buffer.concat(data.map((frame) => frame.data)).toString(), "hello");
  assert.deepEqual(
    seen.filter((frame) => frame.type !== "data"),
    frames.filter((frame) => frame.type !== "data"),
  );
});

test("FrameReader refuses other versions and endless control frames", () => {
  assert.throws(
    () => [...new FrameReader().read(Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]))],
    /version 2/,
  );
  assert.throws(
    () => [...new FrameReader().read(Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]))],
    /control frame/,
  );
});

interface Pair {
  readonly client: SpdyConnection;
  readonly server: SpdyConnection;
  readonly accepted: SpdyStream[];
  readonly sockets: readonly Duplex[];
}

function pair(flowControl = false, onStream?: (stream: SpdyStream) => void): Pair {
  const [a, b] = duplexPair();
  const accepted: SpdyStream[] = [];
  const server = new SpdyConnection(b, {
    isServer: true,
    flowControl,
    onStream: onStream ?? ((stream) => void accepted.push(stream)),
  });
  return {
    client: new SpdyConnection(a, { isServer: false, flowControl }),
    server,
    accepted,
    sockets: [a, b],
  };
}

for (const flowControl of [false, true])
  test(`SpdyConnection carries streams both ways, ${flowControl ? "with" : "without"} flow control`, async () => {
    const { client, accepted } = pair(flowControl);
    const [one, two] = await Promise.all([
      client.open({ streamtype: "one" }),
      client.open({ streamtype: "two" }),
    ]);
    assert.deepEqual(
      accepted.map((s) => [s.id, s.headers["streamtype"]]),
      [
        [1, "one"],
        [3, "two"],
      ],
    );
    const large = Buffer.alloc(500_000, "abcdefg");
    one.end(large);
    accepted[1]!.end("answer");
    assert.ok((await buffer(accepted[0]!)).equals(large));
    assert.equal(await text(two), "answer");
    // Half-closed: the other direction still works.
    accepted[0]!.end("done");
    assert.equal(await text(one), "done");
  });

test("SpdyConnection lets the peer read what came before a reset", async () => {
  const { client, accepted } = pair();
  const stream = await client.open({});
  accepted[0]!.write("last words");
  await new Promise((resolve) => setImmediate(resolve));
  accepted[0]!.destroy();
  assert.equal(await text(stream), "last words");
  assert.equal(stream.wasReset, true);
  stream.write("into the void");
});

test("SpdyConnection stops reading while a consumer does not take its data", async () => {
  const { client, accepted } = pair();
  const stream = await client.open({});
  let written = 0;
  const chunk = Buffer.alloc(16 * 1024);
  while (written < 50 && stream.write(chunk)) written++;
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(accepted[0]!.readableLength <= 160 * 1024);
  stream.end();
  const rest = await buffer(accepted[0]!);
  assert.equal(rest.length, (written + 1) * chunk.length);
});

test("SpdyConnection refuses streams that its owner refuses", async () => {
  const { client } = pair(false, () => {
    throw new Error("no");
  });
  await assert.rejects(client.open({}), /refused the stream: status 3/);
});

test("SpdyConnection refuses more streams than it may hold", async () => {
  const { client } = pair();
  const opened = await Promise.allSettled(Array.from({ length: STREAMS_MAX + 1 }, () => client.open({})));
  assert.equal(opened.filter((o) => o.status === "rejected").length, 1);
});

test("SpdyConnection ends streams and calls when the connection breaks, and answers pings before", async () => {
  const { client, server, accepted, sockets } = pair();
  const stream = await client.open({});
  client.ping();
  accepted[0]!.write("x");
  await new Promise((resolve) => setImmediate(resolve));
  sockets[1]!.destroy();
  await Promise.all([client.closed, server.closed]);
  assert.equal(await text(stream), "x");
  await assert.rejects(client.open({}), /closed/);
});

test("SpdyConnection closes when it is sent garbage", async () => {
  const { client, sockets } = pair();
  sockets[1]!.write(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n\x80\x80\x80\x80"));
  sockets[1]!.write(Buffer.alloc(2 ** 20, 0x80));
  await client.closed;
});

/** Reads to the end and leaves the other direction open. */
async function buffer(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks);
}

async function text(stream: Duplex): Promise<string> {
  return (await buffer(stream)).toString();
}

const uint32 = (value: number): Buffer => Buffer.from([0, 0, 0, value]);

/** A header block before compression. */
function rawBlock(headers: Record<string, string>): Buffer {
  const entries = Object.entries(headers);
  return Buffer.concat([
    uint32(entries.length),
    ...entries.flat().flatMap((word) => [uint32(word.length), Buffer.from(word)]),
  ]);
}
