/** gRPC services of kubelet's own on a unix socket. @module */
import { messageOf } from "#apimachinery";
import { Server, ServerCredentials, type ServiceDefinition, status } from "@grpc/grpc-js";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { decode, encode, RUNTIME_ERROR_CODES, RuntimeError, type Schema } from "#cri";

/** Failures reach the caller with the code of a `RuntimeError`, else as Unknown. */
export type UnaryHandler = (request: object) => Promise<object>;

export interface UnixService {
  readonly schema: Schema;
  readonly service: string;
  /** By method. */
  readonly handlers: Readonly<Record<string, UnaryHandler>>;
}

const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
const DIR_MODE = 0o750;

/** Resolves once it listens; what it gives closes it. A socket of an earlier kubelet is replaced. */
export async function serveUnix(socketPath: string, services: readonly UnixService[]): Promise<() => void> {
  await mkdir(dirname(socketPath), { recursive: true, mode: DIR_MODE });
  await rm(socketPath, { force: true });
  const server = new Server({ "grpc.max_receive_message_length": REQUEST_BYTES_MAX });
  for (const service of services) add(server, service);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (err) =>
      err === null ? resolve() : reject(err),
    );
  });
  return () => server.forceShutdown();
}

function add(server: Server, { schema, service, handlers }: UnixService): void {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: Record<string, (call: { request: object }, done: Done) => void> = {};
  for (const [name, handler] of Object.entries(handlers)) {
    const { path, request, response } = schema.method(service, name);
    definition[name] = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (message: object) => Buffer.from(encode(request, message)),
      requestDeserialize: (bytes: Buffer) => decode(request, bytes),
      responseSerialize: (message: object) => Buffer.from(encode(response, message)),
      responseDeserialize: (bytes: Buffer) => decode(response, bytes),
    };
    implementation[name] = (call, done) =>
      void handler(call.request).then(
        (answer) => done(null, answer),
        (err: unknown) => done(statusOf(err)),
      );
  }
  server.addService(definition, implementation);
}

// oxlint-disable-next-line typescript/no-restricted-types -- as grpc-js has it
type Done = (err: { code: number; details: string } | null, answer?: object) => void;

function statusOf(err: unknown): { code: number; details: string } {
  const details = messageOf(err);
  if (!(err instanceof RuntimeError)) return { code: status.UNKNOWN, details };
  return { code: RUNTIME_ERROR_CODES.indexOf(err.code), details };
}
