import assert from "node:assert/strict";
import { test } from "node:test";
import { objectOf, onCreate, onStatus, onUpdate, warningsOf } from "../causes-fixture.ts";
import { withoutDeallocated } from "./v1/claim-status-validation.ts";
import { DeviceClasses } from "./v1/deviceclass.ts";
import { ResourceClaims } from "./v1/resourceclaim.ts";
import { ResourceClaimTemplates } from "./v1/resourceclaimtemplate.ts";
import { ResourceSlices } from "./v1/resourceslice.ts";
import { withoutDisabledFields, withTaintTimes } from "./v1/slice-strategy.ts";

const REF =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
const REQUEST = { name: "gpu", exactly: { deviceClassName: "c" } };
const claim = (devices: object): object => ({ spec: { devices } });
const exactly = (more: object): object =>
  claim({ requests: [{ name: "gpu", exactly: { deviceClassName: "c", ...more } }] });
const selector = (expression: string): object => exactly({ selectors: [{ cel: { expression } }] });
const AT = "spec.devices.requests[0]";

test("ResourceClaims: requests, constraints and configuration", () => {
  const table: readonly (readonly [object, readonly (string | RegExp)[]])[] = [
    [claim({ requests: [REQUEST] }), []],
    [
      claim({ requests: [{ name: "gpu" }] }),
      [`${AT}: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`],
    ],
    [
      claim({ requests: [{ ...REQUEST, firstAvailable: [{ name: "a", deviceClassName: "c" }] }] }),
      [
        `${AT}: Invalid value: null: exactly one of \`exactly\` or \`firstAvailable\` is required, but multiple fields are set`,
      ],
    ],
    [
      claim({ requests: [{ name: "gpu", exactly: { deviceClassName: "" } }] }),
      [`${AT}.exactly.deviceClassName: Required value`],
    ],
    [claim({ requests: [REQUEST, REQUEST] }), ['spec.devices.requests[1]: Duplicate value: "gpu"']],
    [
      claim({ requests: Array.from({ length: 33 }, (_, i) => ({ ...REQUEST, name: `r${i}` })) }),
      ["spec.devices.requests: Too many: 33: must have at most 32 items"],
    ],
    [
      exactly({ allocationMode: "All", count: 2 }),
      [`${AT}.exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'`],
    ],
    [exactly({ count: -1 }), [`${AT}.exactly.count: Invalid value: -1: must be greater than zero`]],
    [
      exactly({ allocationMode: "Some" }),
      [`${AT}.exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`],
    ],
    [exactly({ selectors: [{}] }), [`${AT}.exactly.selectors[0].cel: Required value`]],
    [
      selector("device.driver"),
      [
        /cel\.expression: Invalid value: "device\.driver": must evaluate to bool or the unknown type, not string$/,
      ],
    ],
    [selector("device.nothing"), [/Invalid value: "device\.nothing": compilation failed: /]],
    [selector('device.capacity["a"].b.compareTo(quantity("1Gi")) >= 0'), []],
    [selector('device.attributes["a"].b'), []],
    [
      selector(
        "device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, a == b && c == d))))",
      ),
      [/Forbidden: too complex, exceeds cost limit$/],
    ],
    [selector(`"${"x".repeat(10 * 1024)}" == ""`), [/Too long: may not be more than 10240 bytes$/]],
    [
      exactly({ tolerations: [{ operator: "Exists", value: "x", effect: "Some" }] }),
      [
        `${AT}.exactly.tolerations[0].value: Invalid value: "x": must be empty for operator \`Exists\``,
        `${AT}.exactly.tolerations[0].effect: Unsupported value: "Some": supported values: "NoExecute", "NoSchedule", "None"`,
      ],
    ],
    [
      claim({ requests: [REQUEST], constraints: [{ requests: ["tpu"], matchAttribute: "numa" }] }),
      [
        `spec.devices.constraints[0].requests[0]: Invalid value: "tpu": ${REF}`,
        'spec.devices.constraints[0].matchAttribute: Invalid value: "numa": a fully qualified name must be a domain and a name separated by a slash',
      ],
    ],
    [
      claim({ requests: [REQUEST], constraints: [{}] }),
      [
        'spec.devices.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      ],
    ],
    [
      claim({ requests: [REQUEST], config: [{ requests: ["a/b/c"] }] }),
      [
        `spec.devices.config[0].requests[0]: Invalid value: "a/b/c": ${REF}`,
        "spec.devices.config[0].opaque: Required value",
      ],
    ],
    [
      claim({ config: [{ opaque: { driver: "d", parameters: { a: "x".repeat(11_000) } } }] }),
      ["spec.devices.config[0].opaque.parameters: Too long: may not be more than 10240 bytes"],
    ],
    [
      claim({ config: [{ opaque: { driver: "d", parameters: [1] } }] }),
      [
        'spec.devices.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
      ],
    ],
  ];
  for (const [body, want] of table) match(onCreate(ResourceClaims, body), want);
});

function match(got: readonly string[], want: readonly (string | RegExp)[]): void {
  assert.equal(got.length, want.length, JSON.stringify(got));
  want.forEach((line, i) =>
    typeof line === "string" ? assert.equal(got[i], line) : assert.match(got[i]!, line),
  );
}

test("ResourceClaims: the spec stays, and templates hold labels and annotations alone", () => {
  match(onUpdate(ResourceClaims, claim({ requests: [REQUEST] }), claim({})), [
    /^spec: Invalid value: .*: field is immutable$/,
  ]);
  const spec = { metadata: { name: "x", uid: "u", labels: { a: "b" } }, spec: { devices: {} } };
  match(onCreate(ResourceClaimTemplates, { spec }), [
    "spec.metadata.name: Forbidden: cannot be set",
    "spec.metadata.uID: Forbidden: cannot be set",
  ]);
});

const RESULT = { request: "gpu", driver: "d.example.com", pool: "p", device: "gpu-0" };
const ALLOCATED = { allocation: { devices: { results: [RESULT] } } };
const SPEC = { devices: { requests: [REQUEST] } };
const status = (value: object): object => ({ spec: SPEC, status: value });

test("ResourceClaims: the status says what was allocated, and to whom", () => {
  const old = { spec: SPEC };
  const user = { resource: "pods", name: "p", uid: "1" };
  const device = { driver: "d.example.com", pool: "p", device: "gpu-1" };
  const at = "status.allocation.devices.results[0]";
  const table: readonly (readonly [object, object, readonly (string | RegExp)[]])[] = [
    [status(ALLOCATED), old, []],
    [
      status({ reservedFor: [user] }),
      old,
      ["status.reservedFor: Forbidden: may not be specified when `allocated` is not set"],
    ],
    [
      status({ ...ALLOCATED, reservedFor: [{}, {}] }),
      old,
      [
        ...[0, 1].flatMap((i) =>
          ["resource", "name", "uid"].map((name) => `status.reservedFor[${i}].${name}: Required value`),
        ),
        'status.reservedFor[1]: Duplicate value: ""',
      ],
    ],
    [
      {
        metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z" },
        ...status({ ...ALLOCATED, reservedFor: [user] }),
      },
      status(ALLOCATED),
      [
        "status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
      ],
    ],
    [
      status({ allocation: { devices: { results: [{ ...RESULT, request: "x", pool: "", shareID: "1" }] } } }),
      old,
      [
        `${at}.request: Invalid value: "x": ${REF}`,
        `${at}.pool: Required value`,
        `${at}.shareID: Invalid value: "1": error validating uid: invalid UUID length: 1`,
      ],
    ],
    [
      status({ allocation: {} }),
      status(ALLOCATED),
      [/^status\.allocation: Invalid value: .*: field is immutable$/],
    ],
    [
      status({ ...ALLOCATED, devices: [device] }),
      status(ALLOCATED),
      [
        'status.devices[0]: Invalid value: {"Driver":"d.example.com","Pool":"p","Device":"gpu-1","ShareID":""}: must be an allocated device in the claim',
      ],
    ],
    [
      status({
        ...ALLOCATED,
        devices: [
          { ...device, device: "gpu-0", networkData: { ips: ["192.0.2.1", "::ffff:192.0.2.1/120"] } },
        ],
      }),
      status(ALLOCATED),
      [
        'status.devices[0].networkData.ips[0]: Invalid value: "192.0.2.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
        /networkData\.ips\[1\]: Invalid value: .* must be a valid address in CIDR form|must be in canonical form/,
      ],
    ],
  ];
  for (const [body, before, want] of table) match(onStatus(ResourceClaims, body, before), want);
});

test("withoutDeallocated() drops what drivers say of devices that the claim has lost", () => {
  const own = { driver: "d.example.com", pool: "p", device: "gpu-0" };
  const old = objectOf(ResourceClaims, status({ ...ALLOCATED, devices: [own] }));
  const lost = objectOf(ResourceClaims, status({ devices: [own] }));
  assert.deepEqual(withoutDeallocated(lost, old).status, {});
  assert.equal(withoutDeallocated(old, old), old);
});

const slice = (more: object): object => ({
  spec: {
    driver: "d.example.com",
    pool: { name: "p", generation: 1, resourceSliceCount: 1 },
    nodeName: "n",
    ...more,
  },
});
const withDevice = (more: object): object => slice({ devices: [{ name: "gpu", ...more }] });
const PLACES = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

test("ResourceSlices: pool, place and devices", () => {
  const d = "spec.devices[0]";
  const capacity = (requestPolicy: object): object =>
    withDevice({ allowMultipleAllocations: true, capacity: { memory: { value: "8Gi", requestPolicy } } });
  const table: readonly (readonly [object, readonly (string | RegExp)[]])[] = [
    [withDevice({}), []],
    [
      slice({ driver: "", pool: { name: "", generation: -1, resourceSliceCount: 0 } }),
      [
        "spec.driver: Required value",
        "spec.pool.name: Required value",
        "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
        "spec.pool.generation: Invalid value: -1: must be greater than or equal to zero",
      ],
    ],
    [slice({ nodeName: undefined }), [`spec: Required value: ${PLACES}`]],
    [
      slice({ allNodes: true }),
      [`spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${PLACES}, but multiple fields are set`],
    ],
    [
      slice({ nodeName: "" }),
      [
        'spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string',
        `spec: Required value: ${PLACES}`,
      ],
    ],
    [
      slice({ devices: [], sharedCounters: [{ name: "c", counters: {} }] }),
      [
        'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
        "spec.sharedCounters[0].counters: Required value",
      ],
    ],
    [
      slice({
        devices: Array.from({ length: 65 }, (_, i) => ({
          name: `d${i}`,
          taints: [{ key: "a", effect: "NoSchedule" }],
        })),
      }),
      ["spec.devices: Too many: 65: must have at most 64 items"],
    ],
    [
      withDevice({ attributes: { "9": { string: "a" }, a: {}, b: { version: "1" } } }),
      [
        /^spec\.devices\[0\]\.attributes: Invalid value: "9": a valid C identifier/,
        `${d}.attributes[a]: Invalid value: "": exactly one value must be specified`,
        `${d}.attributes[b].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0`,
      ],
    ],
    [
      withDevice({ nodeName: "n" }),
      [
        `${d}: Invalid value: null: \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if \`perDeviceNodeSelection\` is set to true in the ResourceSlice spec`,
      ],
    ],
    [
      withDevice({ bindingConditions: ["a"], bindingFailureConditions: ["a"] }),
      [
        `${d}.bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions`,
      ],
    ],
    [
      withDevice({ bindingConditions: ["a"] }),
      [
        `${d}.bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions`,
      ],
    ],
    [
      withDevice({ capacity: { memory: { value: "1", requestPolicy: {} } } }),
      [`${d}.capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true`],
    ],
    [
      capacity({ validValues: ["1Gi"] }),
      [`${d}.capacity[memory].requestPolicy.default: Required value: required when validValues is defined`],
    ],
    [
      capacity({ default: "3Gi", validValues: ["2Gi", "1Gi", "9Gi"] }),
      [
        `${d}.capacity[memory].requestPolicy.validValues[1]: Invalid value: "1Gi": values must be sorted in ascending order`,
        `${d}.capacity[memory].requestPolicy.validValues[2]: Invalid value: "9Gi": option is larger than capacity value: 8Gi`,
        `${d}.capacity[memory].requestPolicy.validValues: Invalid value: "3Gi": default value is not valid according to the requestPolicy`,
      ],
    ],
    [
      capacity({ default: "3Gi", validRange: { min: "1Gi", max: "2Gi", step: "2Gi" } }),
      [
        `${d}.capacity[memory].requestPolicy.validRange.max: Invalid value: "3Gi": default is more than max: 2Gi`,
        `${d}.capacity[memory].requestPolicy.validRange.step: Invalid value: "2Gi": value is not a multiple of a given step (2Gi) from (1Gi)`,
      ],
    ],
  ];
  for (const [body, want] of table) match(onCreate(ResourceSlices, body), want);
  match(onUpdate(ResourceSlices, slice({ driver: "e.example.com" }), slice({})), [
    'spec.driver: Invalid value: "e.example.com": field is immutable',
  ]);
  assert.deepEqual(warningsOf(ResourceSlices, slice({ driver: "D.example.com" })), [
    'spec.driver: driver names should be lowercase; "D.example.com" contains uppercase characters',
  ]);
});

test("withoutDisabledFields() drops lists of attributes unless they are stored", () => {
  const listed = objectOf(ResourceSlices, withDevice({ attributes: { a: { strings: ["x"] } } }));
  assert.deepEqual(withoutDisabledFields(listed).spec.devices?.[0]?.attributes, { a: {} });
  assert.equal(withoutDisabledFields(listed, listed), listed);
});

test("DeviceClasses: selectors, configuration, extended resources", () => {
  match(onCreate(DeviceClasses, { spec: { selectors: [{}], config: [{}], extendedResourceName: "cpu" } }), [
    "spec.selectors[0].cel: Required value",
    "spec.config[0].opaque: Required value",
    'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
  ]);
});

test("withTaintTimes() dates taints by the slice, and later by what was there", () => {
  const tainted = withDevice({ taints: [{ key: "a", effect: "NoExecute" }] });
  const metadata = { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" };
  const created = withTaintTimes(objectOf(ResourceSlices, { ...tainted, metadata }));
  assert.equal(created.spec.devices?.[0]?.taints?.[0]?.timeAdded, "2026-01-01T00:00:00Z");
  const updated = withTaintTimes(objectOf(ResourceSlices, tainted), created);
  assert.deepEqual(updated.spec, created.spec);
});
