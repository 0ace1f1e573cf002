import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { isNotFound, StatusError, systemClock, type Clock, type WatchEvent } from "#apimachinery";
import type { Request } from "../transport.ts";
import type { ClientConfig } from "./client-config.ts";
import { newHttpTransport, type HttpTransport, type HttpTransportOptions } from "./http-transport.ts";
import { newTestAuthority, startTestServer, type Handler, type TestServer } from "./test-server.ts";

const authority = await newTestAuthority();
const signal = AbortSignal.timeout(60_000);
const JSON_HEAD = { "content-type": "application/json" };

/** Sleeps of the client are over at once, and remembered. */
function hurriedClock(slept: number[]): Clock {
  return { ...systemClock, sleep: async (ms) => void slept.push(ms) };
}

interface Setup {
  readonly http1?: boolean;
  readonly config?: Partial<ClientConfig>;
  readonly options?: HttpTransportOptions;
}

async function withServer(
  { http1 = false, config = {}, options = {} }: Setup,
  handler: Handler,
  run: (transport: HttpTransport, server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer(authority, handler, { http1 });
  const transport = newHttpTransport({ server: server.url, ca: authority.ca, ...config }, options);
  try {
    await run(transport, server);
  } finally {
    await transport.close();
  }
}

const get = (path: string): Request => ({ method: "GET", path });

/** Answers with what it was asked. */
const echo: Handler = (request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    const { method, url, headers } = request;
    response.writeHead(201, { ...JSON_HEAD, "x-test": "yes" });
    response.end(JSON.stringify({ method, url, body, headers, version: request.httpVersion }));
  });
};

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

for (const http1 of [false, true]) {
  const version = http1 ? "HTTP/1.1" : "HTTP/2";
  test(`request() over ${version} sends method, path, query, headers and body, and decodes the answer`, () =>
    withServer({ http1 }, echo, async (transport) => {
      const query = { labelSelector: "a in (b,c)", limit: 5, watch: undefined };
      const headers = { "user-agent": "k8ts-test" };
      const sent: Request = { method: "POST", path: "/api/v1/pods", query, headers, body: { a: "é" } };
      const answer = await transport.request(sent, signal);
      assert.equal(answer.status, 201);
      assert.equal(answer.headers["x-test"], "yes");
      const seen = answer.body as Record<string, unknown> & { headers: Record<string, string> };
      assert.equal(seen["version"], http1 ? "1.1" : "2.0");
      assert.equal(seen["method"], "POST");
      assert.equal(seen["url"], "/api/v1/pods?labelSelector=a+in+%28b%2Cc%29&limit=5");
      assert.equal(seen["body"], '{"a":"é"}');
      assert.equal(seen.headers["user-agent"], "k8ts-test");
      assert.equal(seen.headers["content-type"], "application/json");
      assert.equal(seen.headers["accept"], "application/json");
    }));

  test(`request() over ${version} rejects with the Status of the server`, () =>
    withServer(
      { http1 },
      (_, response) => {
        response.writeHead(404, JSON_HEAD);
        response.end(JSON.stringify(new StatusError("NotFound", 'pods "a" not found').toStatus()));
      },
      async (transport) => {
        await assert.rejects(transport.request(get("/x"), signal), (err: unknown) => {
          assert(isNotFound(err));
          assert.equal((err as Error).message, 'pods "a" not found');
          return true;
        });
      },
    ));

  test(`watch() over ${version} decodes events however they are cut, and ends with the server`, () =>
    withServer(
      { http1 },
      (_, response) => {
        response.writeHead(200, JSON_HEAD);
        const lines = [1, 2, 3].map((rv) =>
          JSON.stringify({ type: "ADDED", object: { name: "é".repeat(rv) } }),
        );
        for (const byte of Buffer.from(`${lines.join("\n")}\n`)) response.write(Buffer.of(byte));
        response.end();
      },
      async (transport) => {
        const events = (await collect(transport.watch(get("/x"), signal))) as unknown as {
          object: { name: string };
        }[];
        assert.deepEqual(
          events.map(({ object }) => object.name),
          ["é", "éé", "ééé"],
        );
      },
    ));

  test(`watch() over ${version} throws when the connection breaks, and the next request opens a new one`, () =>
    withServer(
      { http1 },
      (request, response) => {
        response.writeHead(200, JSON_HEAD);
        if (request.url === "/ok") response.end("{}");
        else response.write('{"type":"ADDED","object":{}}\n');
      },
      async (transport, server) => {
        const events = transport.watch(get("/watch"), signal)[Symbol.asyncIterator]();
        assert.equal((await events.next()).done, false);
        server.dropConnections();
        await assert.rejects(events.next());
        assert.deepEqual((await transport.request(get("/ok"), signal)).body, {});
      },
    ));

  test(`watch() over ${version} ends quietly, and the stream with it, when its signal aborts`, async () => {
    const closed = Promise.withResolvers<void>();
    const handler: Handler = (_, response) => {
      response.writeHead(200, JSON_HEAD);
      response.write('{"type":"ADDED","object":{}}\n');
      response.on("close", () => closed.resolve());
    };
    await withServer({ http1 }, handler, async (transport) => {
      const stop = new AbortController();
      const seen: WatchEvent[] = [];
      for await (const event of transport.watch(get("/x"), stop.signal)) {
        seen.push(event);
        stop.abort();
      }
      assert.equal(seen.length, 1);
      await closed.promise;
    });
  });

  test(`stream() over ${version} hands on bytes as they come`, () =>
    withServer(
      { http1 },
      (_, response) => {
        response.writeHead(200);
        response.end("line 1\nline 2\n");
      },
      async (transport) => {
        const chunks = await collect(transport.stream(get("/log"), signal));
        assert.equal(Buffer.concat(chunks).toString(), "line 1\nline 2\n");
      },
    ));

  test(`request() over ${version} waits as long as Retry-After says, and gives up after ten times`, async () => {
    const slept: number[] = [];
    let count = 0;
    const handler: Handler = (request, response) => {
      count++;
      const isDone = request.url === "/soon" && count === 3;
      response.writeHead(isDone ? 200 : 429, { "retry-after": "7" });
      response.end(isDone ? "done" : "");
    };
    await withServer({ http1, options: { clock: hurriedClock(slept) } }, handler, async (transport) => {
      assert.equal(
        (await transport.request({ method: "POST", path: "/soon", body: {} }, signal)).body,
        "done",
      );
      assert.deepEqual(slept, [7_000, 7_000]);
      await assert.rejects(transport.request(get("/never"), signal), { reason: "TooManyRequests" });
      assert.equal(slept.length, 12);
    });
  });

  test(`request() over ${version} does not repeat what has no Retry-After`, async () => {
    let count = 0;
    const handler: Handler = (_, response) => {
      count++;
      response.writeHead(503);
      response.end("upstream is down");
    };
    await withServer({ http1 }, handler, async (transport) => {
      await assert.rejects(transport.request(get("/x"), signal), /currently unable .*: upstream is down/);
      assert.equal(count, 1);
    });
  });

  test(`request() over ${version} ends when it takes longer than its limit`, () =>
    withServer(
      { http1, options: { requestTimeoutMs: 20 } },
      () => {},
      async (transport) => {
        await assert.rejects(transport.request(get("/x"), signal), /no answer in 20 ms/);
      },
    ));

  test(`request() over ${version} shows the client certificate`, () =>
    withServer(
      { http1, config: {} },
      (request, response) => {
        response.writeHead(200, JSON_HEAD);
        response.end(
          JSON.stringify((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? "nobody"),
        );
      },
      async (_, server) => {
        const clientCertificate = await authority.issue("admin");
        const transport = newHttpTransport({ server: server.url, ca: authority.ca, clientCertificate });
        assert.equal((await transport.request(get("/"), signal)).body, "admin");
        await transport.close();
      },
    ));
}

test("HttpTransport sends all requests over one HTTP/2 connection, also those that start at the same time", () =>
  withServer({}, echo, async (transport, server) => {
    await Promise.all(Array.from({ length: 20 }, () => transport.request(get("/x"), signal)));
    assert.equal(server.connections(), 1);
  }));

test("HttpTransport repeats a GET on a new connection when an idle one was cut", () =>
  withServer({}, echo, async (transport, server) => {
    await transport.request(get("/x"), signal);
    server.dropConnections();
    await transport.request(get("/x"), signal);
    assert.equal(server.connections(), 2);
  }));

test("renew() opens a new connection for the next request, and lets those under way end", () => {
  const held = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const handler: Handler = (request, response) => {
    if (request.url !== "/slow") return echo(request, response);
    began.resolve();
    void held.promise.then(() => echo(request, response));
  };
  return withServer({}, handler, async (transport, server) => {
    const slow = transport.request(get("/slow"), signal);
    await began.promise;
    transport.renew();
    await transport.request(get("/x"), signal);
    assert.equal(server.connections(), 2);
    held.resolve();
    assert.equal((await slow).status, 201);
  });
});

test("HttpTransport finds a server again that was away", async () => {
  const first = await startTestServer(authority, echo);
  const transport = newHttpTransport({ server: first.url, ca: authority.ca });
  await transport.request(get("/x"), signal);
  await first[Symbol.asyncDispose]();
  await assert.rejects(transport.request(get("/x"), signal), /Failed to connect/);
  const second = await startTestServer(authority, echo, { port: first.port });
  assert.equal((await transport.request(get("/x"), signal)).status, 201);
  await transport.close();
  await second[Symbol.asyncDispose]();
});

test("HttpTransport trusts the given authority alone, unless told to trust anyone", () =>
  withServer({}, echo, async (_, server) => {
    const other = await newTestAuthority();
    for (const [config, ok] of [
      [{ ca: other.ca }, false],
      [{}, false],
      [{ insecureSkipTlsVerify: true }, true],
      [{ ca: authority.ca, tlsServerName: "server" }, true],
      [{ ca: authority.ca, tlsServerName: "elsewhere" }, false],
    ] as const) {
      const transport = newHttpTransport({ server: server.url, ...config });
      const answer = transport.request(get("/"), signal);
      await (ok ? answer : assert.rejects(answer, /Failed to connect/));
      await transport.close();
    }
  }));

test("HttpTransport reads a token file again when the server refuses the token", async () => {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-client-"));
  const tokenFile = join(directory, "token");
  await writeFile(tokenFile, "old\n");
  const seen: unknown[] = [];
  const handler: Handler = (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(request.headers.authorization === "Bearer new" ? 200 : 401);
    response.end();
  };
  try {
    await withServer({ config: { tokenFile } }, handler, async (transport) => {
      await assert.rejects(transport.request(get("/"), signal), { reason: "Unauthorized" });
      await writeFile(tokenFile, "new\n");
      await transport.request(get("/"), signal);
      assert.deepEqual(seen, ["Bearer old", "Bearer old", "Bearer old", "Bearer new"]);
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

const warn: Handler = (request, response) => {
  response.writeHead(200, { ...JSON_HEAD, warning: '299 - "old \\"field\\"", 299 - "another"' });
  response.end(JSON.stringify([request.headers["impersonate-user"], request.headers["impersonate-group"]]));
};

test("HttpTransport impersonates and tells of warnings", async () => {
  const warnings: string[] = [];
  const impersonate = { userName: "jane", groups: ["a", "b"] };
  const options = { onWarning: (text: string) => void warnings.push(text) };
  await withServer({ config: { impersonate }, options }, warn, async (transport) => {
    assert.deepEqual((await transport.request(get("/"), signal)).body, ["jane", "a, b"]);
    assert.deepEqual(warnings, ['old "field"', "another"]);
  });
});

const echoAuthorization: Handler = (request, response) => {
  response.writeHead(200, JSON_HEAD);
  response.end(JSON.stringify(request.headers.authorization));
};

test("HttpTransport asks an exec plugin for its token, once", async () => {
  const script = `const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    console.log(JSON.stringify({ kind: "ExecCredential", apiVersion: info.apiVersion,
      status: { token: "from-" + process.env.WHO } }));`;
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: ["-e", script],
    env: { WHO: "plugin" },
    interactiveMode: "Never",
    provideClusterInfo: false,
  } as const;
  await withServer({ config: { exec } }, echoAuthorization, async (transport) => {
    assert.equal((await transport.request(get("/"), signal)).body, "Bearer from-plugin");
  });
  const failing = {
    ...exec,
    args: ["-e", "console.error('log in first'); process.exit(3)"],
    installHint: "See the manual",
  };
  await withServer({ config: { exec: failing } }, echoAuthorization, async (transport) => {
    await assert.rejects(transport.request(get("/"), signal), /exit code 3: log in first\nSee the manual/);
  });
});
