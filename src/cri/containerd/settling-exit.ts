/**
 * An exit that CRI has yet to agree with. CRI hears of exits by the same events as we do, so a reader that asks at once
 * would see the state before, and with nothing to tell it to ask again. CRI notes the exit right after it has deleted the
 * task: asking before that is in vain.
 * @module
 */
import { type Clock, type Logger, WakeablePause } from "#apimachinery";
import type { ContainerEvent } from "../container.ts";
import { isRuntimeNotFound } from "../errors.ts";
import type { RuntimeService } from "../runtime.ts";

/** Between questions once the task is deleted, and before that is told. */
const TOLD_STEP_MS = 10;
const UNTOLD_STEP_MS = 100;
const SETTLE_MAX_MS = 2_000;

export interface ExitSource {
  readonly runtime: Pick<RuntimeService, "containerStatus" | "podSandboxStatus">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class SettlingExit {
  readonly #source: ExitSource;
  readonly #event: ContainerEvent;
  readonly #pause: WakeablePause;
  #isTold = false;

  constructor(source: ExitSource, event: ContainerEvent) {
    this.#source = source;
    this.#event = event;
    this.#pause = new WakeablePause(source.clock);
  }

  /** containerd has deleted the task of a container or sandbox. */
  deleted(containerId: string): void {
    if (containerId !== this.#event.containerId) return;
    this.#isTold = true;
    this.#pause.wake();
  }

  /** Resolves with the event, and what CRI says then, once CRI agrees, or will not. Never rejects. */
  async settle(signal: AbortSignal): Promise<ContainerEvent> {
    const { clock, logger } = this.#source;
    const endMs = clock.monotonicMs() + SETTLE_MAX_MS;
    try {
      if (!this.#isTold) await this.#pause.wait(UNTOLD_STEP_MS, signal);
      while (!signal.aborted && clock.monotonicMs() < endMs) {
        const after = await this.#read(signal);
        if (after !== undefined) return after;
        await this.#pause.wait(this.#isTold ? TOLD_STEP_MS : UNTOLD_STEP_MS, signal);
      }
    } catch (err) {
      // Whatever happened (it may be removed by now), whoever listens must look for itself.
      if (!isRuntimeNotFound(err)) logger.debug("Cannot read the state after an exit", { err });
    }
    return this.#event;
  }

  /** Undefined while CRI still takes it for running. */
  async #read(signal: AbortSignal): Promise<ContainerEvent | undefined> {
    const { runtime } = this.#source;
    const event = this.#event;
    try {
      const { status } = await runtime.containerStatus(event.containerId, {}, signal);
      return status.state === "CONTAINER_EXITED" ? { ...event, containersStatuses: [status] } : undefined;
    } catch (err) {
      if (!isRuntimeNotFound(err)) throw err;
      const { status } = await runtime.podSandboxStatus(event.containerId, {}, signal);
      return status.state === "SANDBOX_NOTREADY" ? { ...event, podSandboxStatus: status } : undefined;
    }
  }
}
