import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { limitConnecting } from "./limit-connecting.ts";

async function listening(server: Server, t: TestContext): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("limitConnecting() ends a request whose TLS handshake nobody answers", async (t) => {
  const url = new URL(`https://${await listening(createServer(), t)}/`);
  const request = requestHttps(url, { agent: false });
  limitConnecting(request, url, 20);
  request.end();
  await assert.rejects(once(request, "response"), { name: "DialTimeout", code: "ETIMEDOUT" });
});

test("limitConnecting() leaves a backend that is there all the time it takes", async (t) => {
  const asked = Promise.withResolvers<() => void>();
  const server = createHttpServer((_, response) => asked.resolve(() => response.writeHead(204).end()));
  const url = new URL(`http://${await listening(server, t)}/`);
  const request = requestHttp(url, { agent: false });
  limitConnecting(request, url, 60_000);
  request.end();
  const answer = await asked.promise;
  assert.equal(request.socket?.timeout, 0);
  answer();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 204);
});
