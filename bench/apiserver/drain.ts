/** A client in a process of its own that reads answers and forgets them: its memory is none of the server's. @module */
import { request } from "node:https";

export interface DrainRequest {
  readonly port: number;
  readonly path: string;
  readonly cert: string;
  readonly key: string;
}

/** What comes back: how many bytes there were, or what went wrong. */
export type Drained = { readonly bytes: number } | { readonly error: string };

function answer(drained: Drained): void {
  process.send!(drained);
}

function failed({ message }: Error): void {
  answer({ error: message });
}

process.on("message", ({ port, path, cert, key }: DrainRequest) => {
  request({ host: "127.0.0.1", port, path, cert, key, rejectUnauthorized: false }, (response) => {
    let bytes = 0;
    response.on("data", (chunk: Buffer) => (bytes += chunk.length));
    response.on("end", () => answer({ bytes }));
    response.on("error", failed);
  })
    .once("error", failed)
    .end();
});
