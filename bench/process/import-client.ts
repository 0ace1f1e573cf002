/** Imports the client, or with an argument that module, and says what it took. @module */
import { memoryUsage } from "node:process";
import { pathToFileURL } from "node:url";

const target = process.argv[2];
const rss = memoryUsage.rss();
const start = performance.now();
await (target === undefined ? import("#client") : import(pathToFileURL(target).href));
const importMs = performance.now() - start;
console.log(JSON.stringify({ importMs, rssBytes: memoryUsage.rss() - rss }));
