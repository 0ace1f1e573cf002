/** Rules for the status of claims: what was allocated, for whom, and what drivers say of it. @module */
import { byteLength, field } from "#apimachinery";
import { all, each, immutable, NONE, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validateConditions } from "../../meta/v1/condition-validation.ts";
import { validInterfaceAddress } from "../../validation/interface-address.ts";
import { validateNodeSelector } from "../../validation/node-selector.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validateSet, validateSlice } from "./bounded-lists.ts";
import {
  CONFIG_MAX,
  requestNamesOf,
  REQUESTS_MAX,
  validateRequestRef,
  validateRequestRefs,
  type RequestNames,
} from "./device-claim-validation.ts";
import { validateConfiguration, validateRaw } from "./device-configuration-validation.ts";
import { validateDriverName, validateLabelLike, validatePoolName, validateUid } from "./device-names.ts";
import { validateBindingConditions } from "./device-taint-validation.ts";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
} from "./types.gen.ts";

const PATH = "status";
const CONSUMERS_MAX = 256;
const RESULTS_MAX = REQUESTS_MAX;
const CONDITIONS_MAX = 8;
const DATA_BYTES_MAX = 10 * 1024;
const INTERFACE_NAME_BYTES_MAX = 256;
const HARDWARE_ADDRESS_BYTES_MAX = 128;
const IPS_MAX = 16;

export function validateResourceClaimStatusUpdate(claim: ResourceClaim, old: ResourceClaim): Causes {
  const { allocation, reservedFor, devices } = claim.status ?? {};
  const names = requestNamesOf(claim.spec.devices ?? {});
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceKey));
  return all(
    validateSet(
      reservedFor,
      CONSUMERS_MAX,
      validateConsumer,
      ({ uid }) => uid,
      field.child(PATH, "reservedFor"),
    ),
    each(devices, field.child(PATH, "devices"), (device, at) => validateDeviceStatus(device, allocated, at)),
    repeatedDevices(devices ?? [], field.child(PATH, "devices")),
    validateReservations(claim, old),
    allocation === undefined
      ? NONE
      : old.status?.allocation === undefined
        ? validateAllocation(allocation, names, field.child(PATH, "allocation"))
        : immutable(allocation, old.status.allocation, field.child(PATH, "allocation")),
  );
}

function validateConsumer(consumer: ResourceClaimConsumerReference, path: string): Causes {
  return (["resource", "name", "uid"] as const).flatMap((name) =>
    consumer[name] ? [] : [field.required(field.child(path, name))],
  );
}

function validateReservations({ metadata, status }: ResourceClaim, old: ResourceClaim): Causes {
  const reservedFor = status?.reservedFor ?? [];
  const path = field.child(PATH, "reservedFor");
  if (reservedFor.length === 0) return NONE;
  if (status?.allocation === undefined) {
    return [field.forbidden(path, "may not be specified when `allocated` is not set")];
  }
  const before = old.status?.reservedFor ?? [];
  const isNew = (consumer: ResourceClaimConsumerReference): boolean =>
    !before.some((known) => semanticEqual(known, consumer));
  if (metadata.deletionTimestamp === undefined || !reservedFor.some(isNew)) return NONE;
  const message = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
  return [field.forbidden(path, message)];
}

function validateAllocation(
  { devices, nodeSelector }: AllocationResult,
  names: RequestNames,
  path: string,
): Causes {
  const at = field.child(path, "devices");
  return all(
    validateSlice(
      devices?.results,
      RESULTS_MAX,
      (result, p) => validateResult(result, names, p),
      field.child(at, "results"),
    ),
    validateSlice(
      devices?.config,
      // of the class and of the claim
      2 * CONFIG_MAX,
      (config, p) =>
        all(
          requiredOneOf(config.source, ["FromClaim", "FromClass"], field.child(p, "source")),
          validateRequestRefs(config.requests, names, field.child(p, "requests")),
          validateConfiguration(config, p),
        ),
      field.child(at, "config"),
    ),
    nodeSelector === undefined ? NONE : validateNodeSelector(nodeSelector, field.child(path, "nodeSelector")),
  );
}

function validateResult(result: DeviceRequestAllocationResult, names: RequestNames, path: string): Causes {
  const { request, driver, pool, device, shareID } = result;
  return all(
    validateRequestRef(request, names, field.child(path, "request")),
    validateDriverName(driver, field.child(path, "driver")),
    validatePoolName(pool, field.child(path, "pool")),
    validateLabelLike(device, field.child(path, "device")),
    validateBindingConditions(result, path),
    shareID === undefined ? NONE : validateUid(shareID, field.child(path, "shareID")),
  );
}

interface DeviceId {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string;
}

const deviceKey = (id: DeviceId): string => JSON.stringify(shownId(id));

/** As upstream's messages show it. */
function shownId({ driver, pool, device, shareID = "" }: DeviceId): Readonly<Record<string, string>> {
  return { Driver: driver, Pool: pool, Device: device, ShareID: shareID };
}

function repeatedDevices(devices: readonly DeviceId[], path: string): Causes {
  const seen = new Set<string>();
  return each(devices, path, (device, at) => {
    const key = deviceKey(device);
    if (seen.has(key)) return [field.duplicate(at, shownId(device))];
    seen.add(key);
    return NONE;
  });
}

function validateDeviceStatus(
  status: AllocatedDeviceStatus,
  allocated: ReadonlySet<string>,
  path: string,
): Causes {
  const { driver, pool, device, shareID, conditions = [], data, networkData } = status;
  const conditionsPath = field.child(path, "conditions");
  return all(
    validateDriverName(driver, field.child(path, "driver")),
    validatePoolName(pool, field.child(path, "pool")),
    validateLabelLike(device, field.child(path, "device")),
    shareID === undefined ? NONE : validateUid(shareID, field.child(path, "shareID")),
    allocated.has(deviceKey(status))
      ? NONE
      : [field.invalid(path, shownId(status), "must be an allocated device in the claim")],
    conditions.length > CONDITIONS_MAX
      ? [field.tooMany(conditionsPath, conditions.length, CONDITIONS_MAX)]
      : NONE,
    validateConditions(conditions, conditionsPath),
    data === undefined ? NONE : validateRaw(data, field.child(path, "data"), DATA_BYTES_MAX),
    networkData === undefined ? NONE : validateNetworkData(networkData, field.child(path, "networkData")),
  );
}

function validateNetworkData(
  { interfaceName = "", hardwareAddress = "", ips }: NetworkDeviceData,
  path: string,
): Causes {
  return all(
    byteLength(interfaceName) > INTERFACE_NAME_BYTES_MAX
      ? [field.tooLong(field.child(path, "interfaceName"), INTERFACE_NAME_BYTES_MAX)]
      : NONE,
    byteLength(hardwareAddress) > HARDWARE_ADDRESS_BYTES_MAX
      ? [field.tooLong(field.child(path, "hardwareAddress"), HARDWARE_ADDRESS_BYTES_MAX)]
      : NONE,
    validateSet(ips, IPS_MAX, validInterfaceAddress, (ip) => ip, field.child(path, "ips")),
  );
}

/** Drivers' words about devices that the claim has lost go with them. */
export function withoutDeallocated(claim: ResourceClaim, old: ResourceClaim): ResourceClaim {
  const { devices, ...status } = claim.status ?? {};
  if (devices === undefined || devices.length === 0) return claim;
  const lost = new Set((old.status?.allocation?.devices?.results ?? []).map(deviceKey));
  for (const result of status.allocation?.devices?.results ?? []) lost.delete(deviceKey(result));
  const kept = devices.filter((device) => !lost.has(deviceKey(device)));
  if (kept.length === devices.length) return claim;
  return { ...claim, status: { ...status, ...(kept.length > 0 && { devices: kept }) } };
}
