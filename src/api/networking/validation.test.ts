import assert from "node:assert/strict";
import { test } from "node:test";
import { onCreate, onStatus, onUpdate, warningsOf } from "../causes-fixture.ts";
import { Ingresses } from "./v1/ingress.ts";
import { IngressClasses } from "./v1/ingressclass.ts";
import { IPAddresses } from "./v1/ipaddress.ts";
import { NetworkPolicies } from "./v1/networkpolicy.ts";
import { ServiceCIDRs } from "./v1/servicecidr.ts";

const SERVICE = { service: { name: "s", port: { number: 80 } } };
const ingress = (host: string, path: object): object => ({
  spec: { rules: [{ host, http: { paths: [path] } }] },
});

const statusOf = (ip: string, hostname: string): object => ({
  status: { loadBalancer: { ingress: [{ ip, hostname }] } },
});

test("Ingresses: hosts, paths and backends", () => {
  const at = "spec.rules[0].http.paths[0]";
  const table: readonly (readonly [object, readonly string[]])[] = [
    [{ spec: {} }, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]],
    [ingress("a.example.com", { pathType: "Prefix", path: "/", backend: SERVICE }), []],
    [
      ingress("192.0.2.1", { pathType: "Exact", path: "a//b/..", backend: {} }),
      [
        'spec.rules[0].host: Invalid value: "192.0.2.1": must be a DNS name, not an IP address',
        `${at}.path: Invalid value: "a//b/..": must be an absolute path`,
        `${at}.path: Invalid value: "a//b/..": must not contain '//'`,
        `${at}.path: Invalid value: "a//b/..": cannot end with '/..'`,
        `${at}.backend: Invalid value: "": resource or service backend is required`,
      ],
    ],
    [ingress("a", { backend: SERVICE }), [`${at}.pathType: Required value: pathType must be specified`]],
    [
      {
        metadata: { name: "a", annotations: { "kubernetes.io/ingress.class": "x" } },
        spec: { defaultBackend: SERVICE, ingressClassName: "y" },
      },
      [
        'annotations.kubernetes.io/ingress.class: Invalid value: "x": must match `ingressClassName` when both are specified',
      ],
    ],
  ];
  for (const [body, want] of table) assert.deepEqual(onCreate(Ingresses, body), want);
  const badSecret = { spec: { defaultBackend: SERVICE, tls: [{ secretName: "A_B" }] } };
  assert.equal(onCreate(Ingresses, badSecret).length, 1);
  assert.deepEqual(onUpdate(Ingresses, badSecret, badSecret), []);
  assert.deepEqual(onStatus(Ingresses, statusOf("01.2.3.4", "192.0.2.1"), {}), [
    'status.loadBalancer.ingress[0].ip: Invalid value: "01.2.3.4": must not have leading 0s',
    'status.loadBalancer.ingress[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address',
  ]);
  assert.deepEqual(onStatus(Ingresses, statusOf("01.2.3.4", ""), statusOf("01.2.3.4", "")), []);
  const annotated = { metadata: { name: "a", annotations: { "kubernetes.io/ingress.class": "x" } } };
  assert.deepEqual(warningsOf(Ingresses, annotated), [
    `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
  ]);
  assert.deepEqual(warningsOf(Ingresses, statusOf("2001:DB8::1", ""), {}, "status"), [
    'status.loadBalancer.ingress[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
  ]);
});

test("IngressClasses: the controller stays, parameters have a scope", () => {
  assert.deepEqual(
    onCreate(IngressClasses, {
      spec: { controller: "c", parameters: { kind: "", name: "", scope: "Namespace" } },
    }),
    [
      'spec.controller: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")',
      "spec.parameters.kind: Required value",
      "spec.parameters.name: Required value",
      "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
    ],
  );
  assert.deepEqual(
    onUpdate(IngressClasses, { spec: { controller: "a.b/c" } }, { spec: { controller: "a.b/d" } }),
    ['spec.controller: Invalid value: "a.b/c": field is immutable'],
  );
});

const block = (cidr: string, except: readonly string[] = []): object => ({
  spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr, except } }] }] },
});

test("NetworkPolicies: peers, ports, and ranges that were stored before they were checked", () => {
  const peer = "spec.ingress[0].from[0]";
  assert.deepEqual(
    onCreate(NetworkPolicies, {
      spec: { ingress: [{ from: [{}], ports: [{ port: 0, endPort: 1 }] }], policyTypes: ["Both"] },
    }),
    [
      "spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      `${peer}: Required value: must specify a peer`,
      'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"',
    ],
  );
  assert.deepEqual(onCreate(NetworkPolicies, block("192.0.2.0/24", ["198.51.100.0/28"])), [
    `${peer}.ipBlock.except[0]: Invalid value: "198.51.100.0/28": must be a strict subset of \`cidr\``,
  ]);
  const loose = block("192.0.2.7/24");
  assert.deepEqual(onCreate(NetworkPolicies, loose), [
    `${peer}.ipBlock.cidr: Invalid value: "192.0.2.7/24": must not have bits set beyond the prefix length`,
  ]);
  assert.deepEqual(onUpdate(NetworkPolicies, loose, loose), []);
  assert.deepEqual(warningsOf(NetworkPolicies, loose), [
    `${peer}.ipBlock.cidr: CIDR value "192.0.2.7/24" is ambiguous in this context (should be "192.0.2.0/24" or "192.0.2.7/32"?)`,
  ]);
  const odd = { spec: { podSelector: { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] } } };
  assert.equal(onCreate(NetworkPolicies, odd).length, 1);
  assert.deepEqual(onUpdate(NetworkPolicies, odd, odd), []);
});

const cidrs = (...list: string[]): object => ({ spec: { cidrs: list } });

test("ServiceCIDRs: one of each family, which may only be added", () => {
  assert.deepEqual(onCreate(ServiceCIDRs, cidrs()), [
    "spec.cidrs: Required value: at least one CIDR required",
  ]);
  assert.deepEqual(onCreate(ServiceCIDRs, cidrs("a", "b", "c")), [
    'spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values',
  ]);
  assert.deepEqual(onUpdate(ServiceCIDRs, cidrs("192.0.2.0/24", "198.51.100.0/24"), cidrs("192.0.2.0/24")), [
    'spec.cidrs: Invalid value: ["192.0.2.0/24","198.51.100.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
  ]);
  assert.deepEqual(onUpdate(ServiceCIDRs, cidrs("2001:db8::/64"), cidrs("192.0.2.0/24")), [
    'spec.cidrs[0]: Invalid value: "2001:db8::/64": field is immutable',
  ]);
});

const addressOf = (resource: string): object => ({
  metadata: { name: "192.0.2.1" },
  spec: { parentRef: { resource, name: "s" } },
});

test("IPAddresses: the parent stays", () => {
  assert.deepEqual(onCreate(IPAddresses, { metadata: { name: "192.0.2.01" }, spec: {} }), [
    'metadata.name: Invalid value: "192.0.2.01": must not have leading 0s',
    "spec.parentRef: Required value",
  ]);
  assert.deepEqual(onUpdate(IPAddresses, addressOf("pods"), addressOf("services")), [
    'spec.parentRef: Invalid value: {"Group":"","Resource":"pods","Namespace":"","Name":"s"}: field is immutable',
  ]);
});
