/**
 * Runs in a pod: asks addresses, one after the other, each again and again and over new connections; prints the answers as JSON.
 * An answer is what was said, or the code of the error. Exits 1 when what it waits for has not come in time.
 * @module
 */
import { createSocket } from "node:dgram";
import { get } from "node:http";

export interface Asking {
  /** `http://host:port/path` or `udp://host:port/word`. */
  readonly url: string;
  /** A plain number of times. */
  readonly count?: number;
  /** Until the latest answers are these, each of them and no other. */
  readonly answers?: readonly string[];
  /** Until so many answers in a row are the same. */
  readonly same?: number;
}

const ASK_MS = 1_000;
const DEADLINE_MS = 45_000;
/** Of the latest answers that are looked at, for each that is expected: chance seldom leaves one out. */
const WINDOW = 8;
/** Of the answers to one address that are printed. */
const SHOWN_MAX = 100;
const ERROR = /^E[A-Z_]+$/;

const deadline = performance.now() + DEADLINE_MS;
const said: (readonly string[])[] = [];
for (const asking of JSON.parse(process.argv[2] ?? "[]") as readonly Asking[]) {
  const { isDone: isGood, all } = await askUntilDone(asking);
  said.push(all.slice(-SHOWN_MAX));
  if (isGood) continue;
  process.exitCode = 1;
  break;
}
process.stdout.write(JSON.stringify(said));

async function askUntilDone(
  asking: Asking,
): Promise<{ readonly isDone: boolean; readonly all: readonly string[] }> {
  const all: string[] = [];
  while (!isDone(asking, all)) {
    if (performance.now() > deadline) return { isDone: false, all };
    const answer = await ask(new URL(asking.url));
    all.push(answer);
    if (ERROR.test(answer)) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { isDone: true, all };
}

function isDone({ count, answers, same }: Asking, all: readonly string[]): boolean {
  if (count !== undefined) return all.length >= count;
  if (same !== undefined) return all.length >= same && new Set(all.slice(-same)).size === 1;
  const wanted = new Set(answers);
  // an error leaves nothing to chance; and a kernel tells of refusals but once a second
  const window = answers?.every((answer) => ERROR.test(answer)) ? 1 : WINDOW * wanted.size;
  const latest = new Set(all.slice(-window));
  return all.length >= window && latest.size === wanted.size && latest.isSubsetOf(wanted);
}

function ask(url: URL): Promise<string> {
  return url.protocol === "udp:" ? askUdp(url) : askHttp(url);
}

function askHttp(url: URL): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const fail = (err: NodeJS.ErrnoException): void => resolve(err.code ?? err.name);
  const sent = get(url, { agent: false, timeout: ASK_MS }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    response.once("end", () => resolve(text)).once("error", fail);
  });
  sent.once("error", fail).once("timeout", () => {
    resolve("ETIMEDOUT");
    sent.destroy();
  });
  return promise;
}

function askUdp(url: URL): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = createSocket("udp4");
  const timer = setTimeout(() => resolve("ETIMEDOUT"), ASK_MS);
  socket.once("message", (message) => resolve(message.toString()));
  socket.once("error", (err: NodeJS.ErrnoException) => resolve(err.code ?? err.name));
  // a connected socket is told when the other side refuses
  socket.connect(Number(url.port), url.hostname, (err?: Error) => {
    if (err !== undefined) return resolve((err as NodeJS.ErrnoException).code ?? err.name);
    socket.send(url.pathname.slice(1) || "name");
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}
