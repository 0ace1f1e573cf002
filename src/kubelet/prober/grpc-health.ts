/** A client of grpc.health.v1.Health/Check; its two messages are small enough to code by hand. @module */
import { Client, credentials, Metadata, type ServiceError, status as grpcStatus } from "@grpc/grpc-js";
import { goDuration } from "../container/time.ts";

const CHECK = "/grpc.health.v1.Health/Check";
const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;
const SERVING = 1;

/** Never rejects: no answer is a failure. */
export function grpcHealthCheck(
  address: string,
  service: string,
  timeoutMs: number,
  userAgent: string,
): Promise<{ readonly ok: boolean; readonly output: string }> {
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.primary_user_agent": userAgent,
    "grpc.enable_retries": 0,
  });
  // gRPC's deadlines are wall-clock times of the library's own clock.
  const deadline = Math.ceil(performance.timeOrigin + performance.now() + timeoutMs);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      CHECK,
      encodeRequest,
      decodeResponse,
      service,
      new Metadata(),
      { deadline },
      (err, value) => {
        client.close();
        if (err !== null) resolve({ ok: false, output: describe(err, address, timeoutMs) });
        else if (value === SERVING) resolve({ ok: true, output: "service healthy" });
        else {
          const text = STATUSES[value ?? 0] ?? String(value);
          resolve({ ok: false, output: `service unhealthy (responded with ${JSON.stringify(text)})` });
        }
      },
    );
  });
}

function describe(err: ServiceError, address: string, timeoutMs: number): string {
  if (err.code === grpcStatus.UNIMPLEMENTED) {
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${err.details}`;
  }
  if (err.code === grpcStatus.DEADLINE_EXCEEDED) {
    const limit = goDuration(timeoutMs);
    return `timeout: failed to connect service "${address}" within ${limit}: context deadline exceeded`;
  }
  if (err.code === grpcStatus.UNAVAILABLE) {
    return `error: failed to connect service at "${address}": ${err.details}`;
  }
  return `error: health rpc probe failed: ${err.message}`;
}

/** HealthCheckRequest { string service = 1 } */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length: number[] = [];
  for (let rest = name.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** HealthCheckResponse { ServingStatus status = 1 }; other fields do not exist. */
export function decodeResponse(bytes: Buffer): number {
  return bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0;
}
