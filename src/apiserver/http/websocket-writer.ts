/** The body of an answer as the messages of a WebSocket: a watch of a browser. @module */
import { offeredProtocols } from "../streaming/upgrade-headers.ts";
import { acceptWebSocket } from "../streaming/websocket.ts";
import type { UpgradeConnection } from "../handlers/request.ts";
import type { BodyWriter } from "./exchange.ts";

/** Each chunk is a message: text when it is text by itself or `isText` says so. The first protocol on offer is agreed to. */
export async function webSocketWriter(upgrade: UpgradeConnection, isText: boolean): Promise<BodyWriter> {
  const [protocol = ""] = offeredProtocols(upgrade.request);
  const messages = await acceptWebSocket(upgrade, protocol);
  const { socket } = upgrade;
  // The connection is at its end then; its owner hears of that by "close".
  messages.on("error", () => messages.terminate());
  const send = (chunk: Uint8Array | string): boolean => {
    if (messages.readyState !== messages.OPEN) return true;
    messages.send(chunk, { binary: !isText });
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
