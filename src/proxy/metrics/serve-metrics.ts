/** `/metrics`, `/proxyMode` and `/healthz` of kube-proxy, on an address of their own as upstream. @module */
import type { Logger } from "#apimachinery";
import { serveHttp, textAnswer, type HttpServer, type Metrics } from "#component-base";

export interface MetricsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Resolves once it listens, or has said that it cannot. */
export function serveMetrics(options: MetricsServerOptions): Promise<HttpServer> {
  const { host, port, metrics, logger } = options;
  return serveHttp({
    name: "/metrics",
    host,
    port,
    logger,
    async answer(path) {
      if (path === "/metrics")
        return { status: 200, contentType: metrics.contentType, body: await metrics.expose() };
      if (path === "/proxyMode") return textAnswer(200, "nftables");
      return path === "/healthz" ? textAnswer(200, "ok") : undefined;
    },
  });
}
