/** Reads a line of a cluster's logs (ours are JSON, containerd's logfmt, a crash is plain text) and shows it to people. @module */

export interface LogLine {
  /** `23:34:10.965` in UTC; empty for plain text. */
  readonly time: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly component: string;
  readonly message: string;
}

/** containerd and kubelet say these of a healthy node; in a list of problems they would hide the real one. */
const USUAL = [
  /^failed to load cni during init/, // the network's configuration comes with the agent, a second later
  /^GetContainerEvents failed/, // containerd 1.6 has no event stream
  /^failed to reload cni configuration after receiving fs change event/,
  /^clean(?:ing up after shim disconnected|up warnings)/, // a container has ended
  /^ContainerStatus for .*NotFound/, // asked about a container that was just removed
];

/** Undefined for blank lines and for the lines of a stack. */
export function parseLogLine(line: string): LogLine | undefined {
  if (line.startsWith("{")) return fromJson(line);
  if (line.startsWith("time=")) return fromLogfmt(line);
  if (line.trim() === "" || /^\s+at /.test(line)) return undefined;
  return { time: "", level: "error", component: "", message: line.trim() };
}

export function isProblem({ level, message }: LogLine): boolean {
  return (level === "warn" || level === "error") && !USUAL.some((usual) => usual.test(message));
}

/** `23:34:10.965 W kubelet: Cleaning up after a pod failed: …`. */
export function renderLogLine({ time, level, component, message }: LogLine): string {
  const head = time === "" ? "" : `${time} ${level[0]!.toUpperCase()} `;
  return `${head}${component === "" ? "" : `${component}: `}${message}`;
}

interface OurLine {
  readonly level?: string;
  readonly ts?: string;
  readonly component?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
}

function fromJson(line: string): LogLine {
  try {
    const { level, ts, component, msg, err, ...fields } = JSON.parse(line) as OurLine;
    const why = err?.message === undefined ? "" : `: ${err.message}`;
    const details = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
    return {
      time: clockTime(ts),
      level: asLevel(level),
      component: component ?? "",
      message: `${msg ?? ""}${why}${details.join("")}`,
    };
  } catch {
    return { time: "", level: "error", component: "", message: line }; // cut off when its process was killed
  }
}

function fromLogfmt(line: string): LogLine {
  const pairs = [...line.matchAll(/([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(
    ([, key, value]) => [key!, unquote(value!)] as const,
  );
  const { time, level, msg, error, ...fields } = Object.fromEntries(pairs);
  const why = error === undefined ? "" : `: ${error}`;
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${value}`);
  return {
    time: clockTime(time),
    level: asLevel(level),
    component: "",
    message: `${msg ?? ""}${why}${details.join("")}`,
  };
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}

function clockTime(timestamp: string | undefined): string {
  return timestamp?.slice(11, 23) ?? "";
}

function asLevel(text: string | undefined): LogLine["level"] {
  if (text === "debug" || text === "warn" || text === "error") return text;
  if (text === "warning") return "warn";
  return text === "fatal" || text === "panic" ? "error" : "info";
}
