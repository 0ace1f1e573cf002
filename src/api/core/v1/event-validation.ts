/** Rules for core Events, old and new style. @module */
import { byteLength, field, isDns1123Subdomain, isQualifiedName } from "#apimachinery";
import { NONE, obeys, type Causes } from "../../validation/common.ts";
import type { Event } from "./types.gen.ts";

const INSTANCE_BYTES_MAX = 128;
const ACTION_BYTES_MAX = 128;
const REASON_BYTES_MAX = 128;
const NOTE_BYTES_MAX = 1024;

export function validateEvent(event: Event): Causes {
  return validateEventAs(event, "reportingComponent");
}

/** `controllerField`: what the version calls the reporting controller. */
export function validateEventAs(event: Event, controllerField: string): Causes {
  const { namespace = "" } = event.metadata;
  const about = event.involvedObject.namespace ?? "";
  return [
    ...(isAboutOwnNamespace(event, namespace, about)
      ? NONE
      : [field.invalid("involvedObject.namespace", about, "does not match event.namespace")]),
    ...(event.eventTime === undefined ? NONE : validateNewStyle(event, controllerField)),
    ...obeys(isDns1123Subdomain, namespace, "namespace"),
  ];
}

/** Events about cluster-scoped objects live in the default namespace, new ones also in kube-system. */
function isAboutOwnNamespace(event: Event, namespace: string, about: string): boolean {
  if (event.eventTime !== undefined) {
    return about !== "" || namespace === "default" || namespace === "kube-system";
  }
  return about === "" ? namespace === "" || namespace === "default" : namespace === about;
}

function validateNewStyle(event: Event, controllerField: string): Causes {
  const controller = event.reportingComponent ?? "";
  const required = (name: string, value: string | undefined, max: number): Causes =>
    value ? atMost(name, value, max) : [field.required(name)];
  return [
    ...(controller === "" ? [field.required(controllerField)] : NONE),
    ...obeys(isQualifiedName, controller, controllerField),
    ...required("reportingInstance", event.reportingInstance, INSTANCE_BYTES_MAX),
    ...required("action", event.action, ACTION_BYTES_MAX),
    ...required("reason", event.reason, REASON_BYTES_MAX),
    ...atMost("message", event.message ?? "", NOTE_BYTES_MAX),
  ];
}

const atMost = (name: string, value: string, max: number): Causes =>
  byteLength(value) > max ? [field.invalid(name, "", `can have at most ${max} characters`)] : NONE;
