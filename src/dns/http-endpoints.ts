/** `/metrics`, `/health` and `/ready`, each on an address of its own as with CoreDNS. @module */
import type { Logger } from "#apimachinery";
import { serveHttp, type HttpAnswer, type HttpServer } from "#component-base";
import type { ListenAddress } from "./listen.ts";

export interface HttpEndpoint {
  readonly path: "/metrics" | "/health" | "/ready";
  readonly address: ListenAddress;
  readonly answer: () => HttpAnswer | Promise<HttpAnswer>;
}

/** Says so, and goes on, where an address is taken. */
export function serveEndpoint({ path, address, answer }: HttpEndpoint, logger: Logger): Promise<HttpServer> {
  const { host, port } = address;
  const answers = (asked: string): ReturnType<typeof answer> | undefined =>
    asked === path ? answer() : undefined;
  return serveHttp({ name: `DNS ${path}`, host, port, logger, answer: answers });
}
