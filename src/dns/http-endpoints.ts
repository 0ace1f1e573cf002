/** `/metrics`, `/health` and `/ready`, each on an address of its own as with CoreDNS. @module */
import type { Logger } from "#apimachinery";
import { serveHttp, type HttpAnswer, type HttpSecurity, type HttpServer } from "#component-base";
import type { ListenAddress } from "./listen.ts";

export interface HttpAddress extends ListenAddress {
  /** Absent: plain HTTP. */
  readonly secure?: HttpSecurity;
}

export interface HttpEndpoint {
  readonly path: "/metrics" | "/health" | "/ready";
  readonly address: HttpAddress;
  readonly answer: () => HttpAnswer | Promise<HttpAnswer>;
}

/** Says so, and goes on, where an address is taken. */
export function serveEndpoint({ path, address, answer }: HttpEndpoint, logger: Logger): Promise<HttpServer> {
  const { host, port, secure } = address;
  const answers = (asked: string): ReturnType<typeof answer> | undefined =>
    asked === path ? answer() : undefined;
  return serveHttp({ name: `DNS ${path}`, host, port, secure, logger, answer: answers });
}
