/** Runs postStart and preStop hooks. @module */
import type { Clock } from "#apimachinery";
import type { Container, HTTPGetAction, LifecycleHandler } from "#api/core/v1/types.gen";
import type { RuntimeService } from "#cri";
import { httpGet, type HttpResult, resolvePort } from "./http-get.ts";

export interface HookTools {
  readonly runtime: Pick<RuntimeService, "execSync">;
  readonly clock: Clock;
  readonly userAgent: string;
  /** False: nobody answers at pods' addresses, and asking would leave the node. */
  readonly hasNetwork: boolean;
  /** A hook over HTTPS was answered over HTTP; a sleep ended before its time. */
  readonly onHook?: (what: "fallback" | "sleepCut") => void;
}

export interface HookInput {
  readonly handler: LifecycleHandler;
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
  readonly tools: HookTools;
  /** The address and port that speak HTTP where the hook says HTTPS. */
  readonly onFallback: (host: string) => void;
}

/** The event of such a hook, which was asked for again over HTTP. */
export const HTTP_FALLBACK = "LifecycleHTTPFallback";
export const httpFallback = (host: string): string =>
  `request to HTTPS lifecycle hook ${host} got HTTP response, retry with HTTP succeeded`;

/** Resolves when the hook has ended well; rejects with what the event tells. */
export async function runHook(input: HookInput, signal: AbortSignal): Promise<void> {
  const { handler, containerId } = input;
  const { runtime } = input.tools;
  if (handler.exec !== undefined) {
    const { exitCode, stdout, stderr } = await runtime.execSync(
      containerId,
      handler.exec.command ?? [],
      0,
      signal,
    );
    if (exitCode === 0) return;
    const output = Buffer.concat([stdout, stderr]).toString("utf8");
    const command = (handler.exec.command ?? []).join(" ");
    throw new Error(`command '${command}' exited with ${exitCode}: ${output}`);
  }
  if (handler.httpGet !== undefined) {
    return runHttp(input, handler.httpGet, signal);
  }
  if (handler.sleep !== undefined) return sleep(input.tools, handler.sleep.seconds, signal);
  throw new Error(`invalid handler: ${JSON.stringify(Object.keys(handler))}`);
}

async function runHttp(
  { container, podIP, tools, onFallback }: HookInput,
  action: HTTPGetAction,
  signal: AbortSignal,
): Promise<void> {
  const { hasNetwork, userAgent, onHook } = tools;
  if (!hasNetwork) return;
  const options = { podIP, userAgent };
  let answer: HttpResult;
  try {
    answer = await httpGet(action, container, options, signal);
  } catch (err) {
    if (action.scheme !== "HTTPS" || !isHttpAnswer(err)) throw err;
    const httpHeaders = (action.httpHeaders ?? []).filter(({ name }) => !/^authorization$/iu.test(name));
    answer = await httpGet({ ...action, scheme: "HTTP", httpHeaders }, container, options, signal);
    onHook?.("fallback");
    onFallback(`${action.host || podIP}:${resolvePort(action.port, container)}`);
  }
  if (answer.status >= 400) throw new Error(`HTTP lifecycle hook failed with statuscode: ${answer.status}`);
}

async function sleep({ clock, onHook }: HookTools, seconds: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(seconds * 1000, signal);
  } catch (err) {
    onHook?.("sleepCut");
    throw err;
  }
}

/** The other side does not speak TLS. */
function isHttpAnswer(err: unknown): boolean {
  const { code = "", message } = err as NodeJS.ErrnoException;
  const codes = ["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "ERR_SSL_HTTP_REQUEST"];
  return codes.includes(code) || (code === "EPROTO" && /wrong version number|packet length/u.test(message));
}
