/** A process that does nothing: what Node itself costs. @module */
import { memoryUsage } from "node:process";

console.log(JSON.stringify({ rssBytes: memoryUsage.rss() }));
