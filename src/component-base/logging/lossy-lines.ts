/** Lines whose place has no room or is gone: they are counted, and never end the process. @module */

/** What the system refused, a full disk above all; a mistake of the program is none. */
export function isSystemError(err: unknown): boolean {
  const { errno, syscall } = err as NodeJS.ErrnoException;
  return err instanceof Error && typeof errno === "number" && typeof syscall === "string";
}

/**
 * Writes lines as long as the system takes them. The first one that is taken again comes after `notice`, which tells how many
 * were lost; a line feed before it ends what may have been written of a lost one.
 */
export function lossyLines(
  write: (text: string) => void,
  notice: (lost: number) => string,
): (line: string) => void {
  let lost = 0;
  return (line) => {
    try {
      write(lost === 0 ? line : `\n${notice(lost)}${line}`);
      lost = 0;
    } catch (err) {
      if (!isSystemError(err)) throw err;
      lost++;
    }
  };
}
