/** iSCSI volumes of pods and persistent volumes, whose messages differ a little. @module */
import { byteLength, field, isInRange } from "#apimachinery";
import { all, NONE, type Causes } from "./common.ts";
import { requires, requiresInSecretRef, type Source } from "./volume-sources.ts";

const FORMATS: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.[a-zA-Z0-9.-]+:[^,;*&$|\s]+$/,
  eui: /^eui.[a-zA-Z0-9]{16}$/,
  naa: /^naa.[a-zA-Z0-9]{32}$/,
};
const NAME_BYTES_MAX = 64;
const TOO_LONG =
  "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";

/** `iqn.2001-04.com.example:disk`, or `eui.` and `naa.` with 16 and 32 digits. */
function validateName(name: string, path: string, prefixMessage: string): Causes {
  const format = FORMATS[name.slice(0, 3)];
  if (format === undefined) return [field.invalid(path, name, prefixMessage)];
  return format.test(name) ? NONE : [field.invalid(path, name, "must be valid format")];
}

function validateIscsi(source: Source, path: string, prefixMessage: string, isPersistent: boolean): Causes {
  const at = (name: string): string => field.child(path, name);
  const iqn = (source["iqn"] as string | undefined) ?? "";
  const initiator = source["initiatorName"] as string | undefined;
  const lun = (source["lun"] as number | undefined) ?? 0;
  const needsSecret = source["chapAuthDiscovery"] === true || source["chapAuthSession"] === true;
  return all(
    iqn === "" ? [field.required(at("iqn"))] : validateName(iqn, at("iqn"), prefixMessage),
    field.invalidFor(at("lun"), lun, isInRange(lun, 0, 255)),
    needsSecret && source["secretRef"] === undefined ? [field.required(at("secretRef"))] : NONE,
    isPersistent ? requiresInSecretRef("name")(source, path) : NONE,
    initiator === undefined ? NONE : validateName(initiator, at("initiatorname"), prefixMessage),
  );
}

function isTooLong(source: Source, volumeName: string): boolean {
  const portal = (source["targetPortal"] as string | undefined) ?? "";
  return source["initiatorName"] !== undefined && byteLength(`${volumeName}:${portal}`) > NAME_BYTES_MAX;
}

/** `volumePath` is that of the volume, which upstream blames for a name that is too long. */
export function validatePodIscsi(
  source: Source,
  path: string,
  volumeName: string,
  volumePath: string,
): Causes {
  return all(
    requires("targetPortal")(source, path),
    validateIscsi(source, path, "must be valid format starting with iqn, eui, or naa", false),
    isTooLong(source, volumeName)
      ? [field.invalid(field.child(volumePath, "name"), volumeName, TOO_LONG)]
      : NONE,
  );
}

export function validatePersistentIscsi(source: Source, path: string, volumeName: string): Causes {
  return all(
    requires("targetPortal")(source, path),
    isTooLong(source, volumeName)
      ? [field.invalid(field.child(path, "targetportal"), source["targetPortal"], TOO_LONG)]
      : NONE,
    validateIscsi(source, path, "must be valid format", true),
  );
}
