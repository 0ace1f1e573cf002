import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { WebSocket } from "ws";
import type { UpgradeConnection } from "../handlers/request.ts";
import { streamProtocol, webSocketStreamWriter } from "./websocket-writer.ts";

const TEXT = "line one\n";

interface Heard {
  readonly protocol: string;
  /** Text as it came, bytes in braces. */
  readonly messages: readonly string[];
}

async function answer(upgrade: UpgradeConnection, protocol: string): Promise<void> {
  const writer = await webSocketStreamWriter(upgrade, protocol);
  writer.write(Buffer.from(TEXT));
  writer.end();
}

/** What a client hears that offers these protocols; undefined when it is refused. */
async function hear(protocols: readonly string[]): Promise<Heard | undefined> {
  const server = createServer();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const protocol = streamProtocol(request);
    if (protocol === undefined) socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    else void answer({ request, socket, head }, protocol);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, [...protocols]);
    const messages: string[] = [];
    socket.on("message", (data: Buffer, isBinary) => {
      messages.push(isBinary ? `{${data.toString()}}` : data.toString());
    });
    try {
      await once(socket, "close");
    } catch {
      return undefined;
    }
    return { protocol: socket.protocol, messages };
  } finally {
    server.close();
  }
}

test("webSocketStreamWriter() sends bytes as they are, after an empty message", async () => {
  const messages = ["{}", `{${TEXT}}`];
  assert.deepEqual(await hear([]), { protocol: "", messages });
  assert.deepEqual(await hear(["binary.k8s.io"]), { protocol: "binary.k8s.io", messages });
});

test("webSocketStreamWriter() sends text in base64 to who asks for that", async () => {
  const protocol = "base64.binary.k8s.io";
  const messages = ["", Buffer.from(TEXT).toString("base64")];
  assert.deepEqual(await hear(["channel.k8s.io", protocol]), { protocol, messages });
});

test("streamProtocol() refuses a client that offers other protocols only", async () => {
  assert.equal(await hear(["channel.k8s.io"]), undefined);
});
