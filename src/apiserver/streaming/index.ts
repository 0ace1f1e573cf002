/** Public surface of streaming: exec, attach, port-forward and proxied upgrades. @module */
export { dialUpgrade, type BackendResponse, type Dialed, type UpgradeBackend } from "./backend.ts";
export { proxyUpgrade } from "./proxy-upgrade.ts";
export type { RemoteCommandStreams } from "./remote-command-client.ts";
export { SpdyConnection, type SpdyOptions } from "./spdy/spdy-connection.ts";
export type { SpdyStream } from "./spdy/spdy-stream.ts";
export { streamsOf, streamToBackend, type StreamRequest } from "./stream-to-backend.ts";
export { translateWebSocketToSpdy } from "./translate.ts";
export { tunnelWebSocketToSpdy } from "./tunnel.ts";
