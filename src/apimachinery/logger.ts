/** The logging that every component may ask for; `component-base` gives the real one. @module */

export type LogFields = Readonly<Record<string, unknown>>;

/** Never given secrets: no tokens, no Secret data, no request bodies. Errors go under the field `err`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
