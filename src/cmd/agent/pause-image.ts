/** Puts the sandbox image onto the node before its first pod: made from bytes we generate, never pulled. @module */
import { randomUUID } from "node:crypto";
import type { Clock } from "#apimachinery";
import {
  PAUSE_IMAGE,
  importImage,
  isRuntimeUnavailable,
  pauseArchitecture,
  pauseImage,
  writeArchive,
  type Runtime,
} from "#cri";

/** containerd may still be starting: a connection is tried again after this. */
const RETRY_MS = 25;

export async function ensurePauseImage(
  runtime: Runtime,
  socketPath: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await waitUntilAnswers(runtime, clock, signal);
  const { image } = await runtime.imageStatus({ image: PAUSE_IMAGE }, {}, signal);
  if (image !== undefined) return;
  const architecture = pauseArchitecture(process.arch);
  if (architecture === undefined)
    throw new Error(`there is no pause image for processors of type ${process.arch}`);
  const archive = writeArchive(await pauseImage(architecture), [PAUSE_IMAGE]);
  const options = {
    runtime,
    socketPath,
    clock,
    importId: randomUUID(),
    nodeArch: process.arch,
    pinned: true,
  };
  await importImage(archive, options, signal);
}

async function waitUntilAnswers(runtime: Runtime, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await runtime.version(signal);
      return;
    } catch (err) {
      if (!isRuntimeUnavailable(err)) throw err;
    }
    await clock.sleep(RETRY_MS, signal);
  }
}
