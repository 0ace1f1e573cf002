/** A transport whose requests are counted and timed, for clients that share the server's process. @module */
import { type Clock, StatusError } from "#apimachinery";
import { CLIENT_METRICS, type MetricsSink } from "./metrics.ts";
import type { Request, Response, Transport } from "./transport.ts";

export interface TransportMeasures {
  readonly metrics: MetricsSink;
  readonly clock: Clock;
  /** The server's name and port, as a client elsewhere would call it. */
  readonly host: string;
}

/** Watches and streams, of which each is one request and may last for hours, are not counted. */
export function measuredTransport(
  transport: Transport,
  { metrics, clock, host }: TransportMeasures,
): Transport {
  const count = ({ method }: Request, code: string, startMs: number): void => {
    metrics.inc(CLIENT_METRICS.requests, { code, method, host });
    const seconds = (clock.monotonicMs() - startMs) / 1000;
    metrics.observe(CLIENT_METRICS.requestDuration, { verb: method, host }, seconds);
  };
  return {
    async request(request, signal): Promise<Response> {
      const startMs = clock.monotonicMs();
      try {
        const response = await transport.request(request, signal);
        count(request, String(response.status), startMs);
        return response;
      } catch (err) {
        if (err instanceof StatusError) count(request, String(err.toStatus().code), startMs);
        else if (!signal.aborted) count(request, "<error>", startMs);
        throw err;
      }
    },
    watch: (request, signal) => transport.watch(request, signal),
    stream: (request, signal) => transport.stream(request, signal),
  };
}
