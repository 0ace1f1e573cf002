/** A process that does nothing, what Node itself costs; with the argument `wait` it does so until its standard input ends. @module */
import { argv, memoryUsage, stdin } from "node:process";

export interface EmptyProcess {
  readonly rssBytes: number;
}

const result: EmptyProcess = { rssBytes: memoryUsage.rss() };
console.log(JSON.stringify(result));
if (argv[2] === "wait") stdin.resume();
