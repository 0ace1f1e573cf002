/** Names of stop signals, as the API and as the runtime has them. Pure. @module */

const PREFIX = "SIGNAL_";
/** Of a runtime that knows no stop signals, and takes the image's whatever it is asked. */
const UNKNOWN = `${PREFIX}RUNTIME_DEFAULT`;

/** `SIGRTMIN+1` is `SIGNAL_SIGRTMINPLUS1` to the runtime. */
export function runtimeSignal(name: string): string {
  return `${PREFIX}${name.replace("+", "PLUS").replace("-", "MINUS")}`;
}

/** Undefined when the runtime does not say. */
export function signalName(ofRuntime: string | undefined): string | undefined {
  if (ofRuntime === undefined || ofRuntime === "" || ofRuntime === UNKNOWN) return undefined;
  return ofRuntime.replace(PREFIX, "").replace("PLUS", "+").replace("MINUS", "-");
}
