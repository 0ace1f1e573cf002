/** An API server of its own, on the memory store, for clients that behave badly; and the means to behave badly. @module */
import * as http2 from "node:http2";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import * as tls from "node:tls";
import type { ApiServer, Limits } from "#apiserver";
import { newClient, type Client } from "#client";
import type { Store } from "#storage";
import { startHttpServer } from "../integration/http-fixture.ts";

export interface Victim extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  readonly client: Client;
  readonly port: number;
  /** Of a member of system:masters. */
  readonly credentials: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly signal: AbortSignal;
}

export async function startVictim(limits: Partial<Limits> = {}): Promise<Victim> {
  const http = await startHttpServer({ limits, freezeObjects: false });
  const { server, store, port, ca, identity } = http;
  const ending = new AbortController();
  return {
    server,
    store,
    client: newClient(server.transport(), { userAgent: "fuzz" }),
    port,
    credentials: { ca, ...identity },
    signal: ending.signal,
    async [Symbol.asyncDispose]() {
      ending.abort(new Error("The test is over"));
      await http[Symbol.asyncDispose]();
    },
  };
}

/** A TLS connection over which any bytes may be sent. */
export async function connectRaw(
  { port, credentials }: Victim,
  protocol: "http/1.1" | "h2",
): Promise<tls.TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>();
  const options = { host: "127.0.0.1", port, ...credentials, ALPNProtocols: [protocol] };
  const socket = tls.connect(options, () => resolve(socket));
  socket.once("error", reject);
  await promise;
  socket.off("error", reject);
  socket.on("error", () => {}); // being cut off is what these tests are about
  return socket;
}

export function connectHttp2({ port, credentials }: Victim): http2.ClientHttp2Session {
  return http2.connect(`https://127.0.0.1:${port}`, credentials);
}

/** A request as a decent client sends it, over a connection of its own. */
export async function probe({ port, credentials }: Victim, path = "/readyz"): Promise<string> {
  const agent = new Agent(credentials);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request({ host: "127.0.0.1", port, path, agent }, (response) => {
    text(response).then(resolve, reject);
  });
  sent.once("error", reject);
  sent.end();
  return promise.finally(() => agent.destroy());
}
