/** Runs postStart and preStop hooks. @module */
import type { Clock } from "#apimachinery";
import type { Container, LifecycleHandler } from "#api/core/v1/types.gen";
import type { RuntimeService } from "#cri";
import { httpGet } from "./http-get.ts";

export interface HookTools {
  readonly runtime: Pick<RuntimeService, "execSync">;
  readonly clock: Clock;
  readonly userAgent: string;
  /** False: nobody answers at pods' addresses, and asking would leave the node. */
  readonly hasNetwork: boolean;
}

export interface HookInput {
  readonly handler: LifecycleHandler;
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
  readonly tools: HookTools;
}

/** Resolves when the hook has ended well; rejects with what the event tells. */
export async function runHook(input: HookInput, signal: AbortSignal): Promise<void> {
  const { handler, container, containerId, podIP } = input;
  const { runtime, clock, userAgent, hasNetwork } = input.tools;
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
    if (!hasNetwork) return;
    const { status } = await httpGet(handler.httpGet, container, { podIP, userAgent }, signal);
    if (status >= 400) throw new Error(`HTTP lifecycle hook failed with statuscode: ${status}`);
    return;
  }
  if (handler.sleep !== undefined) return clock.sleep(handler.sleep.seconds * 1000, signal);
  throw new Error(`invalid handler: ${JSON.stringify(Object.keys(handler))}`);
}
