/** Imports the client, or with an argument that module, and says what it took. @module */
import { cpuUsage, memoryUsage } from "node:process";
import { pathToFileURL } from "node:url";

export interface ClientImport {
  readonly importMs: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
}

const target = process.argv[2];
const rss = memoryUsage.rss();
const cpu = cpuUsage();
const start = performance.now();
await (target === undefined ? import("#client") : import(pathToFileURL(target).href));
const importMs = performance.now() - start;
const { user, system } = cpuUsage(cpu);
const result: ClientImport = {
  importMs,
  cpuMs: (user + system) / 1000,
  rssBytes: memoryUsage.rss() - rss,
};
console.log(JSON.stringify(result));
