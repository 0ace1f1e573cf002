/** Output that cannot be written: a full disk, or a reader that has left, costs lines and not the process. @module */

const LOST = new Set(["ENOSPC", "EDQUOT", "EIO", "EAGAIN", "EPIPE"]);

export function isOutputLost({ code }: NodeJS.ErrnoException): boolean {
  return LOST.has(code ?? "");
}

/** Libraries write to the console by themselves; without a listener the failure would end the process. */
export function outliveLostOutput(streams: readonly NodeJS.WriteStream[]): void {
  for (const stream of streams) {
    stream.on("error", (err: NodeJS.ErrnoException) => {
      if (!isOutputLost(err)) throw err;
    });
  }
}
