/** The `Logger` of real processes: one JSON line per message, on standard error unless told otherwise. @module */
import { writeSync } from "node:fs";
import pino from "pino";
import { formatMicroTime, type Clock, type LogFields, type Logger } from "#apimachinery";
import { lossyLines } from "./lossy-lines.ts";

const STDERR = 2;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LoggerOptions {
  /** Stands in every line: `kube-scheduler`. */
  readonly component: string;
  readonly clock: Clock;
  /** Default: info. */
  readonly level?: LogLevel;
  /** Receives whole lines, newline included. Default: standard error. What the system refuses is lost, and counted. */
  readonly write?: (line: string) => void;
}

/** Fields that are never written, wherever a caller puts them by mistake: at the top or one level below. */
const SECRET_FIELDS = ["authorization", "cookie", "password", "privateKeyPem", "secret", "token"];

/** Lines look like `{"level":"info","ts":"…","component":"…","msg":"…", …}`. */
export function createLogger(options: LoggerOptions): Logger {
  const { component, clock, write = (line: string) => void writeSync(STDERR, line) } = options;
  const notice = (lines: number): string => {
    const ts = formatMicroTime(clock.now());
    return `${JSON.stringify({ level: "warn", ts, component, msg: "Log lines could not be written", lines })}\n`;
  };
  const destination = { write: lossyLines(write, notice) };
  const logger = pino(
    {
      level: options.level ?? "info",
      base: { component },
      timestamp: () => `,"ts":"${formatMicroTime(clock.now())}"`,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: pino.stdSerializers.errWithCause },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
    },
    destination,
  );
  return wrap(logger);
}

function wrap(logger: pino.Logger): Logger {
  return {
    debug: (message, fields) => logger.debug(fields ?? NO_FIELDS, message),
    info: (message, fields) => logger.info(fields ?? NO_FIELDS, message),
    warn: (message, fields) => logger.warn(fields ?? NO_FIELDS, message),
    error: (message, fields) => logger.error(fields ?? NO_FIELDS, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}

const NO_FIELDS: LogFields = {};
