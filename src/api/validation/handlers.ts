/** Probes and lifecycle hooks. @module */
import { field, isHttpHeaderName, isPortName, isPortNumber } from "#apimachinery";
import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from "../core/v1/types.gen.ts";
import { all, NONE, nonNegative, oneOf, type Causes } from "./common.ts";

type Handler = Partial<Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc">> &
  Pick<LifecycleHandler, "sleep">;

const SCHEMES = ["HTTP", "HTTPS"];
const HANDLERS = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

export function validatePort(port: number | string, path: string): Causes {
  const messages = typeof port === "number" ? isPortNumber(port) : isPortName(port);
  return messages.map((message) => field.invalid(path, port, message));
}

export function validateProbes(container: Container, gracePeriod: number | undefined, path: string): Causes {
  return all(
    validateProbe(container.livenessProbe, gracePeriod, field.child(path, "livenessProbe"), true),
    validateReadinessProbe(container.readinessProbe, gracePeriod, field.child(path, "readinessProbe")),
    validateProbe(container.startupProbe, gracePeriod, field.child(path, "startupProbe"), true),
  );
}

function validateReadinessProbe(
  probe: Probe | undefined,
  gracePeriod: number | undefined,
  path: string,
): Causes {
  const seconds = probe?.terminationGracePeriodSeconds;
  return all(
    validateProbe(probe, gracePeriod, path, false),
    seconds === undefined
      ? NONE
      : [
          field.invalid(
            field.child(path, "terminationGracePeriodSeconds"),
            seconds,
            "must not be set for readinessProbes",
          ),
        ],
  );
}

function validateProbe(
  probe: Probe | undefined,
  gracePeriod: number | undefined,
  path: string,
  succeedsOnce: boolean,
): Causes {
  if (probe === undefined) return NONE;
  const seconds = probe.terminationGracePeriodSeconds;
  const at = (name: string): string => field.child(path, name);
  return all(
    validateHandler(probe, gracePeriod, path),
    nonNegative(probe.initialDelaySeconds, at("initialDelaySeconds")),
    nonNegative(probe.timeoutSeconds, at("timeoutSeconds")),
    nonNegative(probe.periodSeconds, at("periodSeconds")),
    nonNegative(probe.successThreshold, at("successThreshold")),
    nonNegative(probe.failureThreshold, at("failureThreshold")),
    seconds !== undefined && seconds <= 0
      ? [field.invalid(at("terminationGracePeriodSeconds"), seconds, "must be greater than 0")]
      : NONE,
    succeedsOnce && (probe.successThreshold ?? 0) !== 1
      ? [field.invalid(at("successThreshold"), probe.successThreshold ?? 0, "must be 1")]
      : NONE,
  );
}

function validateHandler(handler: Handler, gracePeriod: number | undefined, path: string): Causes {
  const [first, ...more] = HANDLERS.filter((name) => handler[name] !== undefined);
  if (first === undefined) return [field.required(path, "must specify a handler type")];
  return all(
    validateAction(handler, first, gracePeriod, field.child(path, first)),
    more.map((name) => field.forbidden(field.child(path, name), "may not specify more than 1 handler type")),
  );
}

function validateAction(
  handler: Handler,
  name: (typeof HANDLERS)[number],
  gracePeriod: number | undefined,
  path: string,
): Causes {
  switch (name) {
    case "exec":
      return (handler.exec!.command?.length ?? 0) === 0
        ? [field.required(field.child(path, "command"))]
        : NONE;
    case "httpGet":
      return validateHttpGet(handler.httpGet!, path);
    case "tcpSocket":
      return validatePort(handler.tcpSocket!.port, field.child(path, "port"));
    case "grpc":
      return validatePort(handler.grpc!.port, field.child(path, "port"));
    case "sleep":
      break;
  }
  return validateSleep(handler.sleep!.seconds, gracePeriod, path);
}

function validateSleep(seconds: number, gracePeriod: number | undefined, path: string): Causes {
  if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return NONE;
  const message = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`;
  return [field.invalid(path, seconds, message)];
}

function validateHttpGet(action: HTTPGetAction, path: string): Causes {
  return all(
    action.path ? NONE : [field.required(field.child(path, "path"))],
    validatePort(action.port, field.child(path, "port")),
    oneOf(action.scheme ?? "", SCHEMES, field.child(path, "scheme")),
    (action.httpHeaders ?? []).flatMap((header) =>
      field.invalidFor(field.child(path, "httpHeaders"), header.name, isHttpHeaderName(header.name)),
    ),
  );
}

export function validateLifecycle(
  lifecycle: Lifecycle | undefined,
  gracePeriod: number | undefined,
  os: string | undefined,
  path: string,
): Causes {
  if (lifecycle === undefined) return NONE;
  const { postStart, preStop, stopSignal } = lifecycle;
  return all(
    postStart === undefined ? NONE : validateHandler(postStart, gracePeriod, field.child(path, "postStart")),
    preStop === undefined ? NONE : validateHandler(preStop, gracePeriod, field.child(path, "preStop")),
    stopSignal === undefined ? NONE : validateStopSignal(stopSignal, os, field.child(path, "stopSignal")),
  );
}

const LINUX_SIGNALS: readonly string[] = [
  ..."ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS".split(
    " ",
  ),
  ..."TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX".split(" "),
  ...Array.from({ length: 15 }, (_, i) => `RTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `RTMAX-${i + 1}`),
]
  .map((name) => `SIG${name}`)
  .toSorted();
const WINDOWS_SIGNALS = ["SIGKILL", "SIGTERM"];

function validateStopSignal(signal: string, os: string | undefined, path: string): Causes {
  if (os === undefined) {
    return [field.forbidden(path, "may not be set for containers with empty `spec.os.name`")];
  }
  return oneOf(signal, os === "windows" ? WINDOWS_SIGNALS : LINUX_SIGNALS, path);
}
