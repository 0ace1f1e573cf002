/** GET of a document over HTTPS, from whoever issues tokens: within bounds of time and size, and no redirects to elsewhere. @module */
import { Agent, request as requestHttps } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Clock } from "#apimachinery";
import { readBody } from "#component-base";

export interface HttpsGet {
  (url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpsAnswer>;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly text: string;
}

/** Upstream's timeout of a call of an issuer. */
const TIMEOUT_MS = 30_000;
const BODY_BYTES_MAX = 1024 * 1024;

/** `ca`: PEM; absent: the authorities that the system trusts. Connections are not kept. */
export function httpsGet(ca: string | undefined, clock: Clock): HttpsGet {
  const agent = new Agent({ keepAlive: false, ...(ca !== undefined && { ca }) });
  return async (url, headers, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const deadline = new AbortController();
    const timer = clock.after(TIMEOUT_MS, () => deadline.abort());
    const limit = AbortSignal.any([signal, deadline.signal]);
    const request = requestHttps(url, { agent, headers, signal: limit });
    request.once("response", resolve);
    request.once("error", reject);
    request.end();
    try {
      const response = await promise;
      const body = await readBody(response, BODY_BYTES_MAX, tooLarge);
      return { status: response.statusCode ?? 0, text: body.toString() };
    } catch (cause) {
      signal.throwIfAborted();
      const why = limit.aborted ? "context deadline exceeded" : (cause as Error).message;
      throw new Error(`Get ${JSON.stringify(url)}: ${why}`, { cause });
    } finally {
      timer.cancel();
    }
  };
}

function tooLarge(): Error {
  return new Error(`the answer is larger than ${BODY_BYTES_MAX} bytes`);
}
