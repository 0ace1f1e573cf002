/** `/healthz` on an address of its own, without TLS and without asking who calls: what kubeadm and service managers look at. @module */
import { createHttpServer } from "#component-base";

export interface HealthzOptions {
  readonly host: string;
  readonly port: number;
  readonly isHealthy: () => boolean;
}

const PATHS: ReadonlySet<string> = new Set([
  "/healthz",
  "/healthz/ping",
  "/healthz/log",
  "/healthz/syncloop",
]);

/** Resolves once it listens; closes when `signal` aborts. */
export async function startHealthz(
  { host, port, isHealthy }: HealthzOptions,
  signal: AbortSignal,
): Promise<{ readonly port: number; readonly closed: Promise<void> }> {
  const server = createHttpServer(({ url = "/", method }, response) => {
    const path = url.split("?")[0]!;
    const status = !PATHS.has(path)
      ? 404
      : method !== "GET" && method !== "HEAD"
        ? 405
        : isHealthy()
          ? 200
          : 500;
    const text = {
      200: "ok",
      404: "404 page not found\n",
      405: "Method Not Allowed\n",
      500: "healthz check failed\n",
    };
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text[status]);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (err) => reject(new Error(`Cannot listen on ${host}:${port}`, { cause: err })));
    server.listen(port, host, resolve);
  });
  const closed = new Promise<void>((resolve) => {
    const close = (): void => {
      server.close(() => resolve());
      server.closeAllConnections();
    };
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
  });
  const address = server.address();
  return { port: typeof address === "object" && address !== null ? address.port : port, closed };
}
