/**
 * Runs in a pod and says who was asked: `node responder.ts http:80 udp:81 tls:443 dns:53`. Over HTTP, `/client` answers with the
 * client's address and `/echo…` with the request; over UDP the word `client` does the former. The DNS server knows one address.
 * @module
 */
import { createSocket } from "node:dgram";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { decode, encode } from "dns-packet";

const name = process.env["NAME"] ?? "";
const { TLS_CERT: cert = "", TLS_KEY: key = "" } = process.env;
/** What the DNS server answers to every question of type A. */
const ADDRESS = "192.0.2.77";

const answer: RequestListener = (request, response) => {
  // the client's next request is a new connection, and may go to another pod
  response.setHeader("Connection", "close");
  const { method, url = "/", socket } = request;
  request.resume();
  if (url === "/page") response.setHeader("Content-Type", "text/html");
  if (url === "/client") response.end(socket.remoteAddress?.replace("::ffff:", ""));
  else if (url === "/page") response.end('<a href="/elsewhere">elsewhere</a>');
  else response.end(url.startsWith("/echo") ? JSON.stringify({ method, url, name }) : name);
};

for (const [kind, port] of process.argv.slice(2).map((text) => text.split(":"))) {
  if (kind === "http") createServer(answer).listen(Number(port));
  else if (kind === "tls") createTlsServer({ cert, key }, answer).listen(Number(port));
  else serveUdp(kind === "dns" ? answerDns : answerUdp, Number(port));
}
process.once("SIGTERM", () => process.exit());

function serveUdp(reply: (message: Buffer, client: string) => Buffer, port: number): void {
  const socket = createSocket("udp4");
  socket.on("message", (message, client) =>
    socket.send(reply(message, client.address), client.port, client.address),
  );
  socket.bind(port);
}

function answerUdp(message: Buffer, client: string): Buffer {
  return Buffer.from(message.toString() === "client" ? client : name);
}

function answerDns(message: Buffer): Buffer {
  const { id = 0, questions = [] } = decode(message);
  const answers = questions
    .filter(({ type }) => type === "A")
    .map((question) => ({ type: "A" as const, name: question.name, ttl: 1, data: ADDRESS }));
  return encode({ type: "response", id, questions, answers });
}
