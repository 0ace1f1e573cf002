/** exec, attach and port-forward: asks the runtime for a streaming address and joins the two connections byte by byte. @module */
import type { IncomingMessage } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Duplex } from "node:stream";
import { containerNamed } from "../container/pod-spec.ts";
import { HttpError, requirePod, requireRunning, type ServerHost } from "./server-host.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/**
 * Headers of this connection alone, which must not travel on. A body, which is empty, ended with the request that was upgraded: a
 * runtime that is told of one waits for it before it upgrades.
 */
const NOT_FORWARDED = new Set(["host", "authorization", "transfer-encoding", "content-length"]);

/** The runtime's URL for an upgrade request. Throws `HttpError`. */
export async function streamingUrl(host: ServerHost, url: URL, signal: AbortSignal): Promise<string> {
  const [what = "", ...segments] = url.pathname.split("/").filter((part) => part !== "");
  const [namespace = "", podName = "", ...rest] = segments.map(decodeURIComponent);
  const query = url.searchParams;
  switch (what) {
    case "exec":
    case "attach": {
      const { pod, container } = requireRunning(host, what, namespace, podName, rest.at(-1) ?? "");
      const tty =
        flag(query, "tty") || (what === "attach" && containerNamed(pod, container.name)?.tty === true);
      const request = {
        containerId: container.id,
        tty,
        stdin: flag(query, "input", "stdin"),
        stdout: flag(query, "output", "stdout"),
        stderr: flag(query, "error", "stderr") && !tty,
      };
      if (!request.stdin && !request.stdout && !request.stderr) {
        throw new HttpError(400, "you must specify at least 1 of stdin, stdout, stderr");
      }
      if (what === "attach") return (await host.runtime.attach(request, signal)).url;
      return (await host.runtime.exec({ ...request, cmd: query.getAll("command") }, signal)).url;
    }
    case "portForward": {
      const pod = requirePod(host, namespace, podName);
      const sandbox = host.runtimePod(pod.metadata.uid ?? "")?.sandboxes.find((s) => s.ready);
      if (sandbox === undefined) throw new HttpError(404, `pod not found (${JSON.stringify(podName)})`);
      const port = query
        .getAll("port")
        .flatMap((p) => p.split(","))
        .map(Number)
        .filter(Number.isInteger);
      return (await host.runtime.portForward({ podSandboxId: sandbox.id, port }, signal)).url;
    }
    default:
      throw new HttpError(404, "404 page not found");
  }
}

function flag(query: URLSearchParams, ...names: readonly string[]): boolean {
  return names.some((name) => query.get(name) === "1" || query.get(name) === "true");
}

/** Replays the request to `target` and copies both ways until either side closes. */
export async function joinStreams(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  target: string,
): Promise<void> {
  const url = new URL(target);
  const upstream = await connectTo(url);
  const lines = [`${request.method ?? "GET"} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at]!;
    if (!NOT_FORWARDED.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[at + 1]!}`);
  }
  upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) upstream.write(head);
  client.pipe(upstream);
  upstream.pipe(client);
  // The runtime's last words, an exit code above all, must reach the client: its side is ended, never cut off.
  upstream.on("error", () => client.end());
  upstream.once("close", () => client.end());
  client.on("error", () => upstream.destroy());
  await new Promise<void>((resolve) => client.once("close", resolve));
  upstream.destroy();
}

function connectTo(url: URL): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    const host = url.hostname.replace(/^\[|\]$/gu, "");
    const isTls = url.protocol === "https:" || url.protocol === "wss:";
    // The runtime's certificate is of its own making; the connection does not leave the node.
    const socket = isTls ? connectTls({ host, port, rejectUnauthorized: false }) : connectTcp({ host, port });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () =>
      socket.destroy(new Error(`connecting to ${url.host} timed out`)),
    );
    socket.once("error", reject);
    socket.once(isTls ? "secureConnect" : "connect", () => {
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
