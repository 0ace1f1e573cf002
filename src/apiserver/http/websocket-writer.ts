/** The body of an answer as the messages of a WebSocket: a watch or a log for a browser. @module */
import { offeredProtocols } from "../streaming/upgrade-headers.ts";
import { acceptWebSocket } from "../streaming/websocket.ts";
import type { UpgradeConnection } from "../handlers/request.ts";
import type { BodyWriter } from "./exchange.ts";

type Message = Uint8Array | string;
type Encode = (chunk: Message) => { readonly message: Message; readonly binary: boolean };

/** Protocols of streams of bytes, as upstream names them: bytes as they are, or as text in base64. */
const STREAM_PROTOCOLS: Readonly<Record<string, Encode>> = {
  "": (chunk) => ({ message: chunk, binary: true }),
  "binary.k8s.io": (chunk) => ({ message: chunk, binary: true }),
  "base64.binary.k8s.io": (chunk) => ({ message: Buffer.from(chunk).toString("base64"), binary: false }),
};

/** Each chunk is a message: text when it is text by itself or `isText` says so. The first protocol on offer is agreed to. */
export function webSocketWriter(upgrade: UpgradeConnection, isText: boolean): Promise<BodyWriter> {
  const [protocol = ""] = offeredProtocols(upgrade.request);
  return newWriter(upgrade, protocol, (chunk) => ({ message: chunk, binary: !isText }));
}

/** Which protocol carries a stream of bytes; undefined when the client offers others only. */
export function streamProtocol(request: UpgradeConnection["request"]): string | undefined {
  const offered = offeredProtocols(request);
  return offered.length === 0 ? "" : offered.find((protocol) => Object.hasOwn(STREAM_PROTOCOLS, protocol));
}

/** Begins with an empty message, by which the client sees that its request was granted. */
export async function webSocketStreamWriter(
  upgrade: UpgradeConnection,
  protocol: string,
): Promise<BodyWriter> {
  const writer = await newWriter(upgrade, protocol, STREAM_PROTOCOLS[protocol]!);
  writer.write("");
  return writer;
}

async function newWriter(upgrade: UpgradeConnection, protocol: string, encode: Encode): Promise<BodyWriter> {
  const messages = await acceptWebSocket(upgrade, protocol);
  const { socket } = upgrade;
  // The connection is at its end then; its owner hears of that by "close".
  messages.on("error", () => messages.terminate());
  const send = (chunk: Uint8Array | string): boolean => {
    if (messages.readyState !== messages.OPEN) return true;
    const { message, binary } = encode(chunk);
    messages.send(message, { binary });
    return !socket.writableNeedDrain;
  };
  const onDrain = (callback: () => void): void => {
    if (socket.destroyed) return callback();
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      callback();
    };
    socket.on("drain", done);
    socket.on("close", done);
  };
  return {
    isFramed: true,
    write: send,
    writeShared: send,
    drained: () => new Promise((resolve) => onDrain(resolve)),
    onDrain,
    get isGone() {
      return messages.readyState !== messages.OPEN;
    },
    end: () => messages.close(),
    abort: () => messages.terminate(),
  };
}
