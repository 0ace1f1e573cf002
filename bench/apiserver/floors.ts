/** What HTTPS alone costs on this machine, in a process's own event loop: the limits of the API server. @module */
import type { ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";

export interface Floor {
  readonly port: number;
  /** Writes `chunk` to every open GET /watch. */
  broadcast(chunk: Uint8Array): void;
  readonly watching: number;
  close(): void;
}

export async function openFloor(
  tls: { readonly cert: string; readonly key: string },
  body: Uint8Array,
  list: readonly Uint8Array[],
): Promise<Floor> {
  const watching: ServerResponse[] = [];
  const server: Server = createServer(tls, (request, response) => {
    if (request.url === "/watch") {
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      watching.push(response);
    } else if (request.url === "/list") {
      response.writeHead(200, { "content-type": "application/json" });
      for (const slice of list) response.write(slice);
      response.end();
    } else if (request.method === "GET") {
      response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
      response.end(body);
    } else {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()));
        response.writeHead(201, { "content-type": "application/json" });
        response.end(text);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    broadcast: (chunk) => {
      for (const response of watching) response.write(chunk);
    },
    get watching() {
      return watching.length;
    },
    close() {
      for (const response of watching) response.end();
      server.close();
      server.closeAllConnections();
    },
  };
}
