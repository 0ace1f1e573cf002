/** Executes one probe once: exec, HTTP, TCP or gRPC. @module */
import { connect } from "node:net";
import type { Container, Probe } from "#api/core/v1/types.gen";
import { isRuntimeDeadlineExceeded, type RuntimeService } from "#cri";
import { httpGet, resolvePort } from "../lifecycle/http-get.ts";
import { grpcHealthCheck } from "./grpc-health.ts";
import { dialError, isTimeout } from "./probe-errors.ts";
import { joinHostPort } from "#component-base";

export interface ProbeOutcome {
  readonly ok: boolean;
  /** What the event tells: of a failure, or of a success with a warning. */
  readonly output: string;
  readonly warning: boolean;
}

export interface ProbeTarget {
  readonly probe: Probe;
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
  readonly runtime: Pick<RuntimeService, "execSync">;
  readonly userAgent: string;
  /** False: nobody answers at pods' addresses, and asking would leave the node. */
  readonly hasNetwork: boolean;
}

const OUTPUT_MAX = 10 * 1024;
const REDIRECT_WARNING = "Probe terminated redirects, Response body: ";

/** Rejects when the probe could not be made at all: the result says nothing then. `signal` holds the time limit. */
export async function runProbe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const { probe } = target;
  if (probe.exec !== undefined) return execProbe(target, probe.exec.command ?? [], signal);
  if (!target.hasNetwork) return { ok: true, output: "", warning: false };
  if (probe.httpGet !== undefined) return httpProbe(target, signal);
  if (probe.tcpSocket !== undefined) return tcpProbe(target, signal);
  if (probe.grpc !== undefined) {
    const { port, service = "" } = probe.grpc;
    const address = joinHostPort(target.podIP, port);
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    return { ...(await grpcHealthCheck(address, service, timeoutMs, target.userAgent)), warning: false };
  }
  throw new Error(`missing probe handler for container ${target.container.name}`);
}

async function execProbe(
  { containerId, probe, runtime }: ProbeTarget,
  command: readonly string[],
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(
      containerId,
      command,
      probe.timeoutSeconds ?? 1,
      signal,
    );
    const output = Buffer.concat([stdout, stderr]).toString("utf8", 0, OUTPUT_MAX);
    return { ok: exitCode === 0, output, warning: false };
  } catch (err) {
    if (!isRuntimeDeadlineExceeded(err) && !isTimeout(err) && !isTimeout(signal.reason)) throw err;
    return failure(`command ${JSON.stringify(command.join(" "))} timed out`);
  }
}

async function httpProbe(
  { probe, container, podIP, userAgent }: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const action = probe.httpGet!;
  const host = action.host !== undefined && action.host !== "" ? action.host : podIP;
  const port = resolvePort(action.port, container);
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const path = action.path ?? "/";
  const url = `${scheme}://${joinHostPort(host, port)}${path.startsWith("/") ? path : `/${path}`}`;
  try {
    const { status, body, redirected } = await httpGet(action, container, { podIP, userAgent }, signal);
    if (redirected) return { ok: true, output: `${REDIRECT_WARNING}${body}`, warning: true };
    if (status >= 200 && status < 400) return { ok: true, output: body, warning: false };
    return failure(`HTTP probe failed with statuscode: ${status}`);
  } catch (err) {
    if (signal.aborted && isTimeout(signal.reason)) {
      const why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
      return failure(`Get ${JSON.stringify(url)}: ${why}`);
    }
    signal.throwIfAborted();
    return failure(`Get ${JSON.stringify(url)}: ${dialError(err, host, port)}`);
  }
}

function tcpProbe({ probe, container, podIP }: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const action = probe.tcpSocket!;
  const host = action.host !== undefined && action.host !== "" ? action.host : podIP;
  const port = resolvePort(action.port, container);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once("connect", () => {
      socket.destroy();
      resolve({ ok: true, output: "", warning: false });
    });
    socket.once("error", (err) => {
      if (signal.aborted && !isTimeout(signal.reason)) reject(signal.reason);
      else resolve(failure(dialError(signal.aborted ? signal.reason : err, host, port)));
    });
  });
}

function failure(output: string): ProbeOutcome {
  return { ok: false, output, warning: false };
}
