/** Counts the modules that importing the client loads. @module */
import { registerHooks } from "node:module";

let files = 0;
let bytes = 0;
const hooks = registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (url.startsWith("file:")) {
      files++;
      bytes += loaded.source?.length ?? 0;
    }
    return loaded;
  },
});
await import("#client");
hooks.deregister();
console.log(JSON.stringify({ files, bytes }));
