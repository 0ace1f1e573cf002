/** Lists the files that importing the client loads. @module */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** Absolute paths. */
export type ModuleList = readonly string[];

const files: string[] = [];
const hooks = registerHooks({
  load(url, context, next) {
    if (url.startsWith("file:")) files.push(fileURLToPath(url));
    return next(url, context);
  },
});
await import("#client");
hooks.deregister();
console.log(JSON.stringify(files));
