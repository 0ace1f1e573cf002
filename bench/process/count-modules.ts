/** Counts the modules that importing the client loads. @module */
import { statSync } from "node:fs";
import { registerHooks } from "node:module";

let files = 0;
let bytes = 0;
const hooks = registerHooks({
  load(url, context, next) {
    if (url.startsWith("file:")) {
      files++;
      bytes += statSync(new URL(url)).size;
    }
    return next(url, context);
  },
});
await import("#client");
hooks.deregister();
console.log(JSON.stringify({ files, bytes }));
