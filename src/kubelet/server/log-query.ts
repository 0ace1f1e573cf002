/** What a caller of `/logs/?query=…` asks for, checked. Pure; rules and words are upstream's. @module */
import { RE2JS } from "re2js";
import { field, isTime, parseTime, type StatusCause } from "#apimachinery";

/** Of journald, or of files where a service does not log there. */
export interface LogQuery {
  readonly services: readonly string[];
  readonly files: readonly string[];
  readonly sinceTime?: string;
  readonly untilTime?: string;
  readonly tailLines?: number;
  readonly boot?: number;
  readonly pattern?: string;
}

export interface ParsedLogQuery {
  /** Undefined: a file or folder is asked for by its path. */
  readonly query: LogQuery | undefined;
  readonly causes: readonly StatusCause[];
}

const TAIL_LINES_MAX = 100_000;
const SERVICE_LENGTH_MAX = 256;
const SERVICES_MAX = 4;
const UNSAFE_SERVICE = /[^a-zA-Z\-_.:0-9@]/u;

export function parseLogQuery(params: URLSearchParams): ParsedLogQuery {
  const asked = params.getAll("query");
  const files = asked.filter((text) => /[/\\]/u.test(text));
  const services = asked.filter((text) => !/[/\\]/u.test(text) && text.trim() !== "");
  const causes: StatusCause[] = [];
  if (asked.length > 0 && files.length + services.length === 0)
    causes.push(field.invalid("query", asked, "query cannot be empty"));
  const time = (name: "sinceTime" | "untilTime"): Partial<LogQuery> => {
    const text = params.get(name) ?? "";
    if (text === "") return {};
    if (!isTime(text)) causes.push(field.invalid(name, text, "invalid time format"));
    return { [name]: text };
  };
  const whole = (name: "tailLines" | "boot"): Partial<LogQuery> => {
    const text = params.get(name) ?? "";
    if (text === "") return {};
    if (!/^[+-]?\d+$/u.test(text)) {
      const why = `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
      causes.push(field.invalid(name, text, why));
    }
    return { [name]: Number(text) };
  };
  const pattern = params.get("pattern") ?? "";
  const options = {
    ...time("sinceTime"),
    ...time("untilTime"),
    ...whole("boot"),
    ...whole("tailLines"),
    ...(pattern !== "" && { pattern }),
  };
  if (causes.length > 0) return { query: undefined, causes };
  const isEmpty = asked.length === 0 && Object.keys(options).length === 0;
  return { query: isEmpty ? undefined : { services, files, ...options }, causes };
}

export function hasOptions({ services: _services, files: _files, ...options }: LogQuery): boolean {
  return Object.keys(options).length > 0;
}

/** Whether the file exists is left to whoever opens it. */
export function validateLogQuery(query: LogQuery): readonly StatusCause[] {
  const { services, files, sinceTime, untilTime, tailLines, boot, pattern } = query;
  const causes: StatusCause[] = services.flatMap(serviceCauses);
  if (services.length > SERVICES_MAX) causes.push(field.tooMany("query", services.length, SERVICES_MAX));
  const [first] = files;
  if (first === undefined && services.length === 0)
    causes.push(field.required("query", "cannot be empty with options"));
  else if (first !== undefined && services.length > 0) {
    const shown = `[${files.join(" ")}], [${services.join(" ")}]`;
    causes.push(field.invalid("query", shown, "cannot specify a file and service"));
  } else if (files.length > 1)
    causes.push(field.invalid("query", files, "cannot specify more than one file"));
  else if (first !== undefined && hasOptions(query))
    causes.push(field.invalid("query", files, "cannot specify file with options"));
  if (sinceTime !== undefined && untilTime !== undefined && parseTime(sinceTime) > parseTime(untilTime))
    causes.push(field.invalid("untilTime", untilTime, "must be after `sinceTime`"));
  if (boot !== undefined && boot > 0) causes.push(field.invalid("boot", boot, "must be less than 1"));
  if (tailLines !== undefined && (tailLines < 0 || tailLines > TAIL_LINES_MAX)) {
    const range = `must be between 0 and ${TAIL_LINES_MAX}, inclusive`;
    causes.push(field.invalid("tailLines", tailLines, range));
  }
  return pattern === undefined ? causes : [...causes, ...patternCauses(pattern)];
}

function serviceCauses(service: string): readonly StatusCause[] {
  if (service.length > SERVICE_LENGTH_MAX)
    return [field.invalid("query", service, `length must be less than ${SERVICE_LENGTH_MAX}`)];
  if (!UNSAFE_SERVICE.test(service)) return [];
  return [field.invalid("query", service, "input contains unsupported characters")];
}

function patternCauses(pattern: string): readonly StatusCause[] {
  try {
    RE2JS.compile(pattern);
    return [];
  } catch (err) {
    return [field.invalid("pattern", pattern, (err as Error).message)];
  }
}

/** Of `journalctl`. */
export function journalArguments(query: LogQuery, services: readonly string[]): readonly string[] {
  const { sinceTime, untilTime, tailLines, boot, pattern } = query;
  return [
    "--utc",
    "--no-pager",
    "--output=short-precise",
    ...(sinceTime === undefined ? [] : [`--since=${journalTime(sinceTime)}`]),
    ...(untilTime === undefined ? [] : [`--until=${journalTime(untilTime)}`]),
    ...(tailLines === undefined ? [] : ["--pager-end", `--lines=${tailLines}`]),
    ...services.map((service) => `--unit=${service}`),
    ...(pattern === undefined ? [] : [`--grep=${pattern}`, "--case-sensitive=false"]),
    ...(boot === undefined ? [] : ["--boot", String(boot)]),
  ];
}

/** journalctl reads times in UTC here. */
function journalTime(text: string): string {
  return new Date(parseTime(text)).toISOString().slice(0, 19).replace("T", " ");
}

/** As upstream shows several errors. */
export function describeCauses(causes: readonly StatusCause[]): string {
  const texts = causes.map(({ field: path, message }) => `${path}: ${message}`);
  return texts.length === 1 ? texts[0]! : `[${texts.join(", ")}]`;
}
