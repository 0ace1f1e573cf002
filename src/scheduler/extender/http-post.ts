/** HTTP to an extender: one POST, bounded in time and size. @module */
import { readFileSync } from "node:fs";
import type { ClientRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { parseDuration, type Clock } from "#apimachinery";
import { HttpAgent, httpRequest } from "#component-base";
import type { ExtenderConfig, ExtenderTlsConfig } from "../config/types.ts";
import type { ExtenderPost } from "./extender.ts";

/** Upstream's `DefaultExtenderTimeout`. */
const TIMEOUT_MS = 5_000;
/** Of an answer: the names and reasons of some tens of thousands of nodes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** Reads the certificates that the configuration names; throws if it cannot. Connections are kept. */
export function httpPost(config: ExtenderConfig, clock: Clock): ExtenderPost {
  const timeoutMs = parseDuration(config.httpTimeout ?? "0") || TIMEOUT_MS;
  const httpAgent = new HttpAgent({ keepAlive: true });
  const httpsAgent = new HttpsAgent({ keepAlive: true, ...tlsOptions(config) });
  const open = (url: string): ClientRequest => {
    const options = { method: "POST", headers: { "Content-Type": "application/json" } };
    return url.startsWith("https:")
      ? httpsRequest(url, { ...options, agent: httpsAgent })
      : httpRequest(url, { ...options, agent: httpAgent });
  };
  return (url, body, action) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const request = open(url);
    const timer = clock.after(timeoutMs, () =>
      request.destroy(new Error(`Post "${url}": context deadline exceeded`)),
    );
    request.on("error", reject);
    request.on("response", (response) => {
      response.on("error", reject);
      if (response.statusCode !== 200) {
        response.resume();
        const what = `failed ${action} with extender at URL ${url}, code ${response.statusCode}`;
        return reject(new Error(what));
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > ANSWER_BYTES_MAX) request.destroy(new Error(`the answer of ${url} is too large`));
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    });
    request.end(body);
    return promise.finally(() => timer.cancel());
  };
}

function tlsOptions({ enableHTTPS = false, tlsConfig = {} }: ExtenderConfig) {
  const ca = pem(tlsConfig, "ca");
  const cert = pem(tlsConfig, "cert");
  const key = pem(tlsConfig, "key");
  // as upstream: HTTPS without a CA is not verified
  const isInsecure = tlsConfig.insecure === true || (enableHTTPS && ca === undefined);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...((tlsConfig.serverName ?? "") !== "" && { servername: tlsConfig.serverName! }),
    rejectUnauthorized: !isInsecure,
  };
}

function pem(config: ExtenderTlsConfig, what: "ca" | "cert" | "key"): Buffer | undefined {
  const data = config[`${what}Data`] ?? "";
  if (data !== "") return Buffer.from(data, "base64");
  const file = config[`${what}File`] ?? "";
  return file === "" ? undefined : readFileSync(file);
}
