import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { test } from "node:test";
import { createWebSocketStream, WebSocket } from "ws";
import { systemClock } from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { dialUpgrade } from "./backend.ts";
import { SpdyConnection } from "./spdy/spdy-connection.ts";
import { streamsOf } from "./stream-to-backend.ts";
import { fakeKubelet, front, type Session } from "./testdata/fake-kubelet.ts";

const ALL = "?stdin=true&stdout=1&stderr=true";

function exitStatus(code: number): object {
  if (code === 0) return { metadata: {}, status: "Success" };
  const details = { causes: [{ reason: "ExitCode", message: `${code}` }] };
  const message = `command terminated with non-zero exit code: exit status ${code}`;
  return { metadata: {}, status: "Failure", message, reason: "NonZeroExitCode", details };
}

/** Answers everything it reads, says how much it was on stderr, and exits with 3; then ends as Kubernetes' servers do. */
async function echo({ streams, opened, connection }: Session): Promise<void> {
  await opened(4);
  let count = 0;
  for await (const chunk of streams.get("stdin") as AsyncIterable<Buffer>) {
    count += chunk.length;
    const stdout = streams.get("stdout")!;
    if (!stdout.write(chunk)) await once(stdout, "drain");
  }
  streams.get("stderr")!.write(`${count}`);
  streams.get("error")!.write(JSON.stringify(exitStatus(3)));
  await settled();
  connection.close();
}

/** A client that gathers what comes by channel. */
interface Client {
  readonly socket: WebSocket;
  readonly channels: Map<number, Buffer[]>;
  text(channel: number): string;
  readonly closed: Promise<number>;
}

async function connect(url: string, protocols: string[]): Promise<Client> {
  const socket = new WebSocket(url, protocols);
  const channels = new Map<number, Buffer[]>();
  const isBase64 = protocols[0]?.includes("base64") === true;
  socket.on("message", (data: Buffer) => {
    const channel = isBase64 ? data[0]! - 0x30 : data[0]!;
    const bytes = isBase64 ? Buffer.from(data.toString("latin1", 1), "base64") : data.subarray(1);
    channels.set(channel, [...(channels.get(channel) ?? []), bytes]);
  });
  const closed = once(socket, "close").then(([code]) => code as number);
  await once(socket, "open");
  return {
    socket,
    channels,
    closed,
    text: (channel) => Buffer.concat(channels.get(channel) ?? []).toString(),
  };
}

test("streamToBackend() translates v5 exec: input, its end, both outputs and the exit code pass through", async () => {
  await using kubelet = await fakeKubelet("v4.channel.k8s.io", echo);
  await using server = await front(kubelet.url, "exec");
  const client = await connect(`${server.url}/${ALL}`, ["v5.channel.k8s.io"]);
  assert.equal(client.socket.protocol, "v5.channel.k8s.io");
  const input = "x".repeat(300_000);
  for (let i = 0; i < input.length; i += 30_000) client.socket.send(`\0${input.slice(i, i + 30_000)}`);
  client.socket.send(Buffer.from([255, 0]));
  assert.equal(await client.closed, 1000);
  assert.equal(client.channels.get(1)![0]!.length, 0);
  assert.equal(client.text(1), input);
  assert.equal(client.text(2), "300000");
  assert.deepEqual(JSON.parse(client.text(3)), exitStatus(3));
});

for (const protocol of [
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "channel.k8s.io",
  "base64.channel.k8s.io",
])
  test(`streamToBackend() translates ${protocol}`, async () => {
    await using kubelet = await fakeKubelet("v4.channel.k8s.io", async ({ streams, opened, connection }) => {
      await opened(4);
      const [chunk] = (await once(streams.get("stdin")!, "data")) as [Buffer];
      streams.get("stdout")!.write(chunk.toString().toUpperCase());
      streams.get("error")!.write(JSON.stringify(exitStatus(3)));
      await settled();
      connection.close();
    });
    await using server = await front(kubelet.url, "attach");
    const client = await connect(`${server.url}/${ALL}`, [protocol]);
    client.socket.send(
      protocol.includes("base64") ? `0${Buffer.from("hello").toString("base64")}` : "\0hello",
    );
    await client.closed;
    assert.equal(client.text(1), "HELLO");
    const expected = exitStatus(3) as { message: string };
    if (protocol.startsWith("v4")) assert.deepEqual(JSON.parse(client.text(3)), expected);
    else assert.equal(client.text(3), expected.message);
  });

test("streamToBackend() leaves outputs that have ended alone: a runtime that closes would answer with a TCP reset", async () => {
  let resets: string[] | undefined;
  await using kubelet = await fakeKubelet("v4.channel.k8s.io", async ({ streams, opened, connection }) => {
    await opened(4);
    streams.get("stdout")!.end("done");
    streams.get("stderr")!.end();
    await once(streams.get("stdin")!, "data"); // the client has seen the output, and so has all between
    resets = ["stdout", "stderr"].filter((name) => streams.get(name)!.wasReset);
    streams.get("error")!.write(JSON.stringify(exitStatus(3)));
    await settled();
    connection.close();
  });
  await using server = await front(kubelet.url, "exec");
  const client = await connect(`${server.url}/${ALL}`, ["v5.channel.k8s.io"]);
  while (client.text(1) !== "done") await once(client.socket, "message");
  client.socket.send("\0seen");
  assert.equal(await client.closed, 1000);
  assert.deepEqual(resets, []);
  assert.deepEqual(JSON.parse(client.text(3)), exitStatus(3));
});

test("streamToBackend() resizes terminals, and reports what backends before v4 say", async () => {
  let resized = "";
  await using kubelet = await fakeKubelet("v3.channel.k8s.io", async ({ streams, opened, connection }) => {
    await opened(4);
    assert.deepEqual([...streams.keys()].toSorted(), ["error", "resize", "stdin", "stdout"]);
    resized = String(((await once(streams.get("resize")!, "data")) as [Buffer])[0]);
    streams.get("error")!.write("out of memory");
    await settled();
    connection.close();
  });
  await using server = await front(kubelet.url, "exec");
  const client = await connect(`${server.url}/${ALL}&tty=true`, ["v5.channel.k8s.io"]);
  client.socket.send('\x04{"Width":80,"Height":24}\n');
  await client.closed;
  assert.equal(resized, '{"Width":80,"Height":24}\n');
  assert.match(client.text(3), /error executing remote command: out of memory/);
});

test("streamToBackend() tells on the error channel why the backend refused, or that it is away", async () => {
  await using refusing = await refusingBackend();
  await using toRefusing = await front(refusing.url, "exec");
  const refused = await connect(`${toRefusing.url}/?stdout=true`, ["v5.channel.k8s.io"]);
  assert.equal(await refused.closed, 1000);
  assert.deepEqual(
    [JSON.parse(refused.text(3)).message, JSON.parse(refused.text(3)).code],
    ["container not found", 404],
  );
  await using toNowhere = await front(new URL("http://127.0.0.1:1"), "exec");
  const lost = await connect(`${toNowhere.url}/?stdout=true`, ["v5.channel.k8s.io"]);
  await lost.closed;
  assert.match(
    JSON.parse(lost.text(3)).message as string,
    /^Internal error occurred: error sending request: Post "http:.*": dial tcp 127\.0\.0\.1:1: connect: connection refused$/,
  );
});

test("streamToBackend() reports a session that broke as a failure", async () => {
  await using kubelet = await fakeKubelet("v4.channel.k8s.io", async ({ opened, socket }) => {
    await opened(4);
    socket.destroy();
  });
  await using server = await front(kubelet.url, "exec");
  const client = await connect(`${server.url}/${ALL}`, ["v5.channel.k8s.io"]);
  await client.closed;
  assert.equal(JSON.parse(client.text(3)).status, "Failure");
});

test("streamToBackend() ends the backend's session when the client goes away", async () => {
  const ended = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  await using kubelet = await fakeKubelet("v4.channel.k8s.io", async ({ opened, connection }) => {
    await opened(4);
    started.resolve();
    await connection.closed;
    ended.resolve();
  });
  await using server = await front(kubelet.url, "exec");
  const client = await connect(`${server.url}/${ALL}`, ["v5.channel.k8s.io"]);
  await started.promise;
  const end = server.sessionEnd();
  client.socket.terminate();
  await Promise.all([ended.promise, end]);
});

test("streamToBackend() carries SPDY clients byte for byte, and keeps their credentials to itself", async () => {
  let seen: Session["request"]["headers"] = {};
  await using kubelet = await fakeKubelet("v4.channel.k8s.io", (session) => {
    seen = session.request.headers;
    return echo(session);
  });
  await using server = await front(kubelet.url, "exec");
  const connection = await spdyClient(server.url, {
    authorization: "Bearer secret",
    "x-stream-protocol-version": "v4.channel.k8s.io",
    "user-agent": "kubectl",
  });
  const names = ["error", "stdin", "stdout", "stderr"];
  const [error, stdin, stdout, stderr] = await Promise.all(
    names.map((streamtype) => connection.open({ streamtype })),
  );
  const texts = Promise.all([error!, stdout!, stderr!].map(read));
  stdin!.end("hello");
  assert.deepEqual(await texts, [JSON.stringify(exitStatus(3)), "hello", "5"]);
  assert.deepEqual(
    [seen["authorization"], seen["user-agent"], seen["x-stream-protocol-version"]],
    [undefined, "kubectl", "v4.channel.k8s.io"],
  );
  assert.equal(seen.host, kubelet.url.host);
});

test("streamToBackend() takes SPDY port-forwards out of their WebSocket tunnel", async () => {
  await using kubelet = await fakeKubelet("portforward.k8s.io", async (session) => {
    await session.opened(2);
    const data = session.streams.get("data")!;
    assert.equal(data.headers["port"], "80");
    assert.equal(data.headers["requestid"], session.streams.get("error")!.headers["requestid"]);
    session.streams.get("error")!.end();
    data.end(`echo ${await read(data)}`);
  });
  await using server = await front(kubelet.url, "portforward");
  const socket = await tunnel(`${server.url}/?ports=80`);
  const connection = new SpdyConnection(createWebSocketStream(socket), { isServer: false });
  const headers = { port: "80", requestid: "0" };
  const [error, data] = await Promise.all(
    ["error", "data"].map((streamtype) => connection.open({ streamtype, ...headers })),
  );
  const answer = Promise.all([read(error!), read(data!)]);
  error!.end();
  data!.end("x".repeat(100_000));
  assert.deepEqual(await answer, ["", `echo ${"x".repeat(100_000)}`]);
  const end = server.sessionEnd();
  connection.close();
  await end;
});

test("streamToBackend() hands a backend's refusal of a tunnel or a raw upgrade on as it is", async () => {
  await using refusing = await refusingBackend();
  await using tunnels = await front(refusing.url, "portforward");
  await using proxy = await front(refusing.url, "proxy");
  for (const response of [
    await upgrade(tunnels.url, { ...HANDSHAKE, "sec-websocket-protocol": TUNNEL }),
    await upgrade(proxy.url, HANDSHAKE),
  ]) {
    assert.equal(response.statusCode, 404);
    assert.match(response.body, /container not found/);
  }
});

test("dialUpgrade() shows its certificate to a TLS backend, and checks the backend's", async () => {
  const ca = await createCertificateAuthority("ca", systemClock);
  const serving = { commonName: "kubelet", ipAddresses: ["127.0.0.1"], usages: ["server"] as const };
  const server = await issueCertificate(ca, serving, systemClock);
  const client = await issueCertificate(ca, { commonName: "apiserver", usages: ["client"] }, systemClock);
  const backend = createTlsServer({
    cert: server.certificatePem,
    key: server.privateKeyPem,
    ca: ca.certificatePem,
    requestCert: true,
  });
  backend.on("upgrade", (_request, socket) =>
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi"),
  );
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  const url = new URL(`https://127.0.0.1:${(backend.address() as AddressInfo).port}/exec`);
  const tls = { ca: ca.certificatePem, cert: client.certificatePem, key: client.privateKeyPem };
  const { signal } = new AbortController();
  const headers = ["Connection", "Upgrade", "Upgrade", "x"];
  const dialed = await dialUpgrade({ url, tls }, "POST", headers, signal);
  assert.ok(dialed.type === "upgraded");
  dialed.socket.unshift(dialed.head);
  assert.equal(await read(dialed.socket), "hi");
  const { certificatePem } = await createCertificateAuthority("other", systemClock);
  const stranger = { url, tls: { ...tls, ca: certificatePem } };
  await assert.rejects(dialUpgrade(stranger, "POST", headers, signal), /certificate/);
  backend.closeAllConnections();
  backend.close();
});

test("streamsOf() reads the parameters as Go does", () => {
  const none = { stdin: false, stdout: false, stderr: false, tty: false };
  assert.deepEqual(streamsOf(new URLSearchParams("stdin=true&tty=0&stdout=&stderr=false")), {
    ...none,
    stdin: true,
    stdout: true,
  });
});

/** Answers every request with 404 and a Status. */
async function refusingBackend(): Promise<AsyncDisposable & { url: URL }> {
  const server = createServer();
  const body = JSON.stringify({
    kind: "Status",
    status: "Failure",
    reason: "NotFound",
    message: "container not found",
    code: 404,
  });
  server.on("upgrade", (_request, socket) =>
    socket.end(
      `HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    ),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const TUNNEL = "SPDY/3.1+portforward.k8s.io";
const HANDSHAKE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

interface Answer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly socket?: Duplex;
  readonly head?: Buffer;
}

async function upgrade(url: string, headers: Record<string, string>, method = "GET"): Promise<Answer> {
  const request = httpRequest(url.replace("ws:", "http:"), { method, headers });
  request.end();
  return new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("upgrade", ({ statusCode = 0, headers: answered }, socket, head) =>
      resolve({ statusCode, headers: answered, body: "", socket, head }),
    );
    request.once("response", (response) => {
      const { statusCode = 0, headers: answered } = response;
      read(response).then((body) => resolve({ statusCode, headers: answered, body }), reject);
    });
  });
}

type Settable = WebSocket & { setSocket(...args: unknown[]): void };

/** `ws` does not offer what is no token, so the handshake is made by hand. */
async function tunnel(url: string): Promise<WebSocket> {
  const { headers, socket, head } = await upgrade(url, { ...HANDSHAKE, "sec-websocket-protocol": TUNNEL });
  assert.equal(headers["sec-websocket-protocol"], TUNNEL);
  const client = Reflect.construct(WebSocket, [null, undefined, {}]) as Settable;
  Object.assign(client, { _isServer: false });
  client.setSocket(socket, head, {
    allowSynchronousEvents: true,
    maxPayload: 2 ** 20,
    skipUTF8Validation: true,
  });
  return client;
}

async function spdyClient(url: string, headers: Record<string, string>): Promise<SpdyConnection> {
  const spdy = { connection: "Upgrade", upgrade: "SPDY/3.1", ...headers };
  const answer = await upgrade(`${url}/${ALL}`, spdy, "POST");
  assert.equal(answer.headers["x-stream-protocol-version"], "v4.channel.k8s.io");
  return new SpdyConnection(answer.socket!, { isServer: false }, answer.head);
}

/** Reads to the end and leaves the other direction open. */
async function read(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks).toString();
}

/** Lets what was written leave. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
