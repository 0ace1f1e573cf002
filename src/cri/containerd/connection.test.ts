import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { Server, ServerCredentials, status, type ServiceDefinition } from "@grpc/grpc-js";
import { FakeClock, silentLogger, systemClock } from "#apimachinery";
import { RuntimeError, isRuntimeDeadlineExceeded, isRuntimeUnavailable } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { connect } from "./connection.ts";
import { createContainerdRuntime } from "./containerd-runtime.ts";
import { decode, encode } from "./wire/codec.ts";
import { cri } from "./wire/cri.gen.ts";
import { createSchema } from "./wire/schema.ts";

const schema = createSchema(cri);
const signal = AbortSignal.timeout(60_000);

let folder: string;
let server: Server | undefined;
let runtime: Runtime;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-cri-connection-"));
  runtime = createContainerdRuntime({
    socketPath: join(folder, "s"),
    clock: systemClock,
    logger: silentLogger,
  });
});
afterEach(async () => {
  await runtime.close();
  server?.forceShutdown();
  server = undefined;
  await rm(folder, { recursive: true });
});

suite("createContainerdRuntime", () => {
  test("createContainerdRuntime says plainly that nobody listens", async () => {
    await assert.rejects(
      runtime.version(signal),
      (err: Error) =>
        isRuntimeUnavailable(err) &&
        err.message.startsWith("Cannot reach the container runtime: connect ENOENT"),
    );
  });

  test("createContainerdRuntime keeps the runtime's code and message", async () => {
    await serve({
      PullImage: (_request, answer) =>
        answer({ code: status.PERMISSION_DENIED, details: "denied: no such repository" }),
    });
    await assert.rejects(
      runtime.pullImage({ image: "x" }, undefined, undefined, signal),
      (err: Error) =>
        err instanceof RuntimeError &&
        err.code === "PermissionDenied" &&
        err.describe() === "rpc error: code = PermissionDenied desc = denied: no such repository",
    );
  });

  test("createContainerdRuntime ends a call with the reason of its signal", async () => {
    const stop = new AbortController();
    await serve({ StopContainer: () => stop.abort(new Error("enough")) });
    await assert.rejects(runtime.stopContainer("c", 30, stop.signal), /^Error: enough$/);
    await assert.rejects(runtime.stopContainer("c", 30, stop.signal), /^Error: enough$/);
  });

  test("createContainerdRuntime gives up on a runtime that does not answer", async () => {
    const clock = new FakeClock();
    const patient = createContainerdRuntime({ socketPath: join(folder, "s"), clock, logger: silentLogger });
    await serve({ StopContainer: () => clock.advance(125_000) });
    await assert.rejects(
      patient.stopContainer("c", 5, signal),
      (err: Error) =>
        isRuntimeDeadlineExceeded(err) && /no answer to .*StopContainer in 125000 ms/.test(err.message),
    );
    await patient.close();
  });

  test("createContainerdRuntime tells a command that ran too long by its code", async () => {
    await serve({
      ExecSync: (_request, answer) =>
        answer({ code: status.DEADLINE_EXCEEDED, details: "timeout 1s exceeded" }),
    });
    await assert.rejects(runtime.execSync("c", ["sleep", "9"], 1, signal), isRuntimeDeadlineExceeded);
  });

  test("createContainerdRuntime reads the events of runtimes that have them, and comes back for more", async () => {
    let streams = 0;
    await serve({}, (write, end) => {
      streams++;
      write({ containerId: `c${streams}`, containerEventType: "CONTAINER_STARTED_EVENT", createdAt: 5n });
      // Cut the first stream; the second one stays.
      if (streams === 1) end();
    });
    const seen: string[] = [];
    const stop = new AbortController();
    for await (const event of runtime.containerEvents(stop.signal)) {
      seen.push(event === "resync" ? event : `${event.type} ${event.containerId} ${event.createdAt}`);
      // A machine with much to do takes the first for a subscription that stands, too.
      if (seen.includes("CONTAINER_STARTED_EVENT c2 5") && seen.includes("resync")) stop.abort();
    }
    const events = seen.filter((event) => event !== "resync");
    assert.deepEqual(events, ["CONTAINER_STARTED_EVENT c1 5", "CONTAINER_STARTED_EVENT c2 5"]);
  });

  test("createContainerdRuntime asks for CRI's events again when another version answers", async () => {
    const refused = Promise.withResolvers<void>();
    const logger = { ...silentLogger, debug: () => refused.resolve() };
    const upgraded = createContainerdRuntime({ socketPath: join(folder, "s"), clock: systemClock, logger });
    await serve({ Version: () => undefined });
    const stop = new AbortController();
    const reading = (async () => {
      for await (const event of upgraded.containerEvents(stop.signal))
        if (event !== "resync") return event.containerId;
      return undefined;
    })();
    await refused.promise; // neither service is there
    server?.forceShutdown();
    await rm(join(folder, "s"), { force: true });
    await serve({}, (write) =>
      write({ containerId: "c1", containerEventType: "CONTAINER_STARTED_EVENT", createdAt: 5n }),
    );
    assert.equal(await reading, "c1");
    stop.abort();
    await upgraded.close();
  });
});

test("connect() with keepConnected tells when the other side comes and goes, though nobody calls", async () => {
  const connection = connect(join(folder, "s"), systemClock);
  let next = Promise.withResolvers<boolean>();
  connection.keepConnected((isConnected) => next.resolve(isConnected), signal);
  const told = async (): Promise<boolean> => {
    const isConnected = await next.promise;
    next = Promise.withResolvers<boolean>();
    return isConnected;
  };
  for (const _ of ["first", "again"]) {
    await serve({});
    assert.equal(await told(), true);
    server?.forceShutdown();
    assert.equal(await told(), false);
  }
  connection.close();
});

type Handler = (request: object, answer: (error: { code: number; details: string }) => void) => void;
type Stream = (write: (event: object) => void, end: () => void) => void;

/** A runtime that answers these methods of CRI, each with an error, and streams events. */
async function serve(handlers: Readonly<Record<string, Handler>>, events?: Stream): Promise<void> {
  server = new Server();
  for (const service of ["RuntimeService", "ImageService"]) {
    const names = Object.keys(handlers).filter((name) =>
      cri.methods.some((line) => line.startsWith(`${service} ${name} `)),
    );
    const streams = service === "RuntimeService" && events !== undefined ? ["GetContainerEvents"] : [];
    if (names.length + streams.length === 0) continue;
    const definition = Object.fromEntries(
      [...names, ...streams].map((name) => [name, describe(service, name)]),
    );
    const unary = names.map((name) => [
      name,
      (call: { request: object }, done: (error: object) => void) => handlers[name]!(call.request, done),
    ]);
    const streaming = streams.map((name) => [
      name,
      (call: { write(event: object): void; end(): void }) =>
        events!(
          (event) => call.write(event),
          () => call.end(),
        ),
    ]);
    server.addService(definition as ServiceDefinition, Object.fromEntries([...unary, ...streaming]) as never);
  }
  await new Promise<void>((resolve, reject) => {
    server!.bindAsync(`unix:${join(folder, "s")}`, ServerCredentials.createInsecure(), (err) =>
      err === null ? resolve() : reject(err),
    );
  });
}

function describe(service: string, name: string): object {
  const { path, request, response } = schema.method(service, name);
  return {
    path,
    requestStream: false,
    responseStream: name === "GetContainerEvents",
    requestSerialize: (value: object) => Buffer.from(encode(request, value)),
    requestDeserialize: (bytes: Buffer) => decode(request, bytes),
    responseSerialize: (value: object) => Buffer.from(encode(response, value)),
    responseDeserialize: (bytes: Buffer) => decode(response, bytes),
  };
}
