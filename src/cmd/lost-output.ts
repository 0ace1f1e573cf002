/** Output that cannot be written: a full disk, or a reader that has left, costs lines and not the process. @module */
import { isSystemError } from "#component-base";

/** Libraries write to the console by themselves; without a listener the failure would end the process. */
export function outliveLostOutput(streams: readonly NodeJS.WriteStream[]): void {
  for (const stream of streams) {
    stream.on("error", (err: unknown) => {
      if (!isSystemError(err)) throw err;
    });
  }
}
