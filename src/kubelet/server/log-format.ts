/** The CRI log format: `TIME STREAM F|P TEXT`. Pure. @module */

export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** The text goes on in the next line of the stream. */
  readonly partial: boolean;
  readonly text: string;
}

/** Undefined for a line that is not in the format, such as one cut by a crash. */
export function parseLogLine(line: string): LogLine | undefined {
  const first = line.indexOf(" ");
  const second = line.indexOf(" ", first + 1);
  if (first < 0 || second < 0) return undefined;
  const stream = line.slice(first + 1, second);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const third = line.indexOf(" ", second + 1);
  const tags = line.slice(second + 1, third < 0 ? undefined : third);
  const text = third < 0 ? "" : line.slice(third + 1);
  return { time: line.slice(0, first), stream, partial: tags.split(":")[0] === "P", text };
}
