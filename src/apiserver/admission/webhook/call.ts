/** One HTTPS call of a webhook: the review out, its answer back, within bounds of time and size. @module */
import { Agent, request as requestHttps } from "node:https";
import type { IncomingMessage } from "node:http";
import { messageOf, parseJson, StatusError, type Clock } from "#apimachinery";
import { readBody } from "#component-base";
import type { Credentials, FindCredentials } from "./credentials.ts";
import type { Target } from "./target.ts";

/** Of an answer: an object and its patch, both within what a request may hold. */
const RESPONSE_BYTES_MAX = 3 * 1024 * 1024;
const MESSAGE_LENGTH_MAX = 200;
const HTTPS_PORT = 443;

/** Connections that wait for the next call, to each webhook. */
const IDLE_MAX = 16;

/** Keeps connections until `signal` aborts: a handshake costs more than most webhooks. */
export function webhookAgent(signal: AbortSignal): Agent {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_MAX });
  signal.addEventListener("abort", () => agent.destroy(), { once: true });
  return agent;
}

export interface WebhookCall {
  readonly target: Target;
  /** Base64 of PEM; absent: the authorities that the system trusts. */
  readonly caBundle: string | undefined;
  readonly timeoutSeconds: number;
  readonly body: unknown;
}

export interface CallerOptions {
  readonly clock: Clock;
  readonly agent: Agent;
  readonly credentials?: FindCredentials | undefined;
}

/** The parsed answer. Rejects with an Error whose message says what went wrong; the caller's abort is thrown as it is. */
export async function callWebhook(
  { target, caBundle, timeoutSeconds, body }: WebhookCall,
  { clock, agent, credentials }: CallerOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const url = new URL(target.url);
  url.searchParams.set("timeout", `${timeoutSeconds}s`);
  if (target.unresolved !== undefined) {
    const { unresolved: cause } = target;
    throw new Error(`Post "${shownUrl(url, target)}": ${messageOf(cause)}`, { cause });
  }
  const deadline = new AbortController();
  const timer = clock.after(timeoutSeconds * 1000, () => deadline.abort());
  const payload = Buffer.from(JSON.stringify(body));
  try {
    const stop = AbortSignal.any([signal, deadline.signal]);
    const response = await post({ ...target, url }, caBundle, payload, {
      agent,
      credentials: credentials?.(`${url.hostname}:${url.port || HTTPS_PORT}`),
      signal: stop,
    });
    const text = (await readBody(response, RESPONSE_BYTES_MAX, tooLarge)).toString();
    checkStatus(response.statusCode ?? 0, text);
    return answerOf(text);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof StatusError) throw cause;
    const why = deadline.signal.aborted ? "context deadline exceeded" : networkError(cause, target);
    const message =
      cause instanceof AnswerError && !deadline.signal.aborted
        ? cause.message
        : `Post "${shownUrl(url, target)}": ${why}`;
    throw new Error(message, { cause });
  } finally {
    timer.cancel();
  }
}

class AnswerError extends Error {}

function answerOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new AnswerError(`couldn't get version/kind; json parse error: ${messageOf(cause)}`, { cause });
  }
}

/** Of a Service with its port, also when https would mean it anyway. */
function shownUrl(url: URL, { address, unresolved }: Target): string {
  if ((address ?? unresolved) === undefined || url.port !== "") return url.href;
  return url.href.replace(url.hostname, `${url.hostname}:${HTTPS_PORT}`);
}

interface PostOptions {
  readonly agent: Agent;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

function post(
  { url, address }: Target,
  caBundle: string | undefined,
  body: Buffer,
  { agent, credentials, signal }: PostOptions,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const ca =
    caBundle === undefined || caBundle === "" ? undefined : Buffer.from(caBundle, "base64").toString();
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const request = requestHttps({
    host: address?.host ?? name,
    port: address?.port ?? (url.port === "" ? HTTPS_PORT : url.port),
    // An address has no name to ask for.
    ...(!/^[\d.]+$|:/.test(name) && { servername: name }),
    path: `${url.pathname}${url.search}`,
    method: "POST",
    headers: {
      host: url.host,
      accept: "application/json",
      "content-type": "application/json",
      "content-length": body.length,
      "user-agent": "kube-apiserver-admission",
      ...credentials?.headers,
    },
    ...(credentials?.cert !== undefined && { cert: credentials.cert, key: credentials.key }),
    ...(ca !== undefined && { ca }),
    agent,
    signal,
  });
  request.once("response", resolve);
  request.once("error", reject);
  request.end(body);
  return promise;
}

function tooLarge(): AnswerError {
  return new AnswerError(`the response body is larger than ${RESPONSE_BYTES_MAX} bytes`);
}

function checkStatus(code: number, text: string): void {
  if (code >= 200 && code < 300) return;
  if (code === 404) throw new AnswerError("the server could not find the requested resource");
  if (code === 503) throw new AnswerError("the server is currently unable to handle the request");
  const shown = JSON.stringify(text.trim().slice(0, MESSAGE_LENGTH_MAX));
  if (code >= 500) {
    throw new AnswerError(`an error on the server (${shown}) has prevented the request from succeeding`);
  }
  throw new AnswerError(
    `the server responded with the status code ${code} but did not return more information`,
  );
}

/** In the words that people search for. */
export function networkError(cause: unknown, { url, address }: Target): string {
  const { code = "", message = String(cause) } = cause as { code?: string; message?: string };
  const where = `${address?.host ?? url.hostname}:${address?.port ?? (url.port || HTTPS_PORT)}`;
  switch (code) {
    case "ECONNREFUSED":
      return `dial tcp ${where}: connect: connection refused`;
    case "EHOSTUNREACH":
      return `dial tcp ${where}: connect: no route to host`;
    case "ENOTFOUND":
      return `dial tcp: lookup ${url.hostname}: no such host`;
    case "ECONNRESET":
      return "EOF";
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    case "CERT_HAS_EXPIRED":
      return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
    default:
      return message;
  }
}
