/** The WebSocket subprotocols of exec and attach: messages that begin with the number of their channel. @module */

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;
export const ERROR = 3;
export const RESIZE = 4;
/** Followed by the number of a channel that its sender closes. */
const CLOSE = 255;

export interface ChannelProtocol {
  readonly name: string;
  readonly isBase64: boolean;
  /** The client can close a channel and keep the connection. */
  readonly canClose: boolean;
  /** How the error channel tells the outcome: always a metav1.Status, or the message of a failure. */
  readonly outcome: "status" | "message";
}

const PROTOCOLS: readonly ChannelProtocol[] = [
  { name: "v5.channel.k8s.io", isBase64: false, canClose: true, outcome: "status" },
  { name: "v4.channel.k8s.io", isBase64: false, canClose: false, outcome: "status" },
  { name: "v4.base64.channel.k8s.io", isBase64: true, canClose: false, outcome: "status" },
  { name: "channel.k8s.io", isBase64: false, canClose: false, outcome: "message" },
  { name: "base64.channel.k8s.io", isBase64: true, canClose: false, outcome: "message" },
  { name: "", isBase64: false, canClose: false, outcome: "message" },
];

/** The first offered one that we speak; a client that offers none gets the oldest. */
export function selectProtocol(offered: readonly string[]): ChannelProtocol | undefined {
  for (const name of offered.length === 0 ? [""] : offered) {
    const protocol = PROTOCOLS.find((known) => known.name === name);
    if (protocol !== undefined) return protocol;
  }
  return undefined;
}

export type ChannelMessage =
  | { readonly type: "data"; readonly channel: number; readonly data: Buffer }
  | { readonly type: "close"; readonly channel: number };

/** Undefined: nothing to do, as for the empty messages that keep a connection alive. */
export function decodeMessage(protocol: ChannelProtocol, message: Buffer): ChannelMessage | undefined {
  const first = message[0];
  if (first === undefined) return undefined;
  if (protocol.canClose && first === CLOSE)
    return message.length === 2 ? { type: "close", channel: message[1]! } : undefined;
  if (!protocol.isBase64) return { type: "data", channel: first, data: message.subarray(1) };
  const data = Buffer.from(message.toString("latin1", 1), "base64");
  return { type: "data", channel: first - 0x30, data };
}

/** What `send` of a WebSocket takes; a string is a text message. */
export function encodeMessage(protocol: ChannelProtocol, channel: number, data: Buffer): Buffer | string {
  return protocol.isBase64
    ? `${channel}${data.toString("base64")}`
    : Buffer.concat([Buffer.from([channel]), data]);
}
