import assert from "node:assert/strict";
import { test } from "node:test";
import { STANDARD_HEADERS } from "../authn/front-proxy-options.ts";
import { planAuthenticationConfig } from "./plan-authentication-config.ts";

const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;
const isExpired = (text: string): boolean => text.includes("old");
const requestHeader = { ...STANDARD_HEADERS, clientCa: pem("proxy"), allowedNames: ["front-proxy-client"] };

test("planAuthenticationConfig says all that another server must know", () => {
  assert.deepEqual(planAuthenticationConfig({}, { clientCa: pem("client"), requestHeader, isExpired }), {
    "client-ca-file": `${pem("client")}\n`,
    "requestheader-client-ca-file": `${pem("proxy")}\n`,
    "requestheader-allowed-names": '["front-proxy-client"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-uid-headers": '["X-Remote-Uid"]',
    "requestheader-username-headers": '["X-Remote-User"]',
  });
});

test("planAuthenticationConfig keeps what other servers wrote, each once, and drops what is over", () => {
  const known = {
    "client-ca-file": `${pem("other")}\n${pem("old")}\n${pem("client")}`,
    "requestheader-allowed-names": '["x"]',
    "requestheader-group-headers": "no list",
  };
  const data = planAuthenticationConfig(known, { clientCa: pem("client"), requestHeader, isExpired });
  assert.equal(data["client-ca-file"], `${pem("other")}\n${pem("client")}\n`);
  assert.equal(data["requestheader-allowed-names"], '["x","front-proxy-client"]');
  assert.equal(data["requestheader-group-headers"], '["X-Remote-Group"]');
});

test("planAuthenticationConfig says nothing of proxies when there are none", () => {
  const facts = { clientCa: pem("client"), requestHeader: undefined, isExpired };
  assert.deepEqual(Object.keys(planAuthenticationConfig({}, facts)), ["client-ca-file"]);
});
