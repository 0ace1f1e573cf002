/** Asks a component of the control plane on this machine whether it works. @module */
import { request } from "node:https";
import { connectionError, DialTimeout } from "#component-base";

const HOST = "127.0.0.1";
const TIMEOUT_MS = 20_000;
/** More says nothing more. */
const BODY_BYTES_MAX = 10 * 1024;

export interface ComponentHealth {
  readonly isHealthy: boolean;
  readonly message: string;
}

export type HealthProbe = (port: number) => Promise<ComponentHealth>;

/** The certificate is not checked, as by upstream: the component is a neighbour, and it is told nothing. */
export const probeComponent: HealthProbe = async (port) => {
  const url = `https://${HOST}:${port}/healthz`;
  try {
    return await ask(url);
  } catch (err) {
    return { isHealthy: false, message: `Get ${JSON.stringify(url)}: ${connectionError(err, new URL(url))}` };
  }
};

function ask(url: string): Promise<ComponentHealth> {
  const { promise, resolve, reject } = Promise.withResolvers<ComponentHealth>();
  const asked = request(url, { agent: false, rejectUnauthorized: false, timeout: TIMEOUT_MS });
  asked.once("timeout", () => asked.destroy(new DialTimeout()));
  asked.once("error", reject);
  asked.once("response", (response) => {
    const { statusCode = 0 } = response;
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      if (text.length < BODY_BYTES_MAX) text += chunk;
    });
    response.once("error", reject);
    response.once("end", () => {
      const isHealthy = statusCode >= 200 && statusCode < 400;
      const message = isHealthy
        ? text.slice(0, BODY_BYTES_MAX)
        : `HTTP probe failed with statuscode: ${statusCode}`;
      resolve({ isHealthy, message });
    });
  });
  asked.end();
  return promise;
}
