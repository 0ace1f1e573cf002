import assert from "node:assert/strict";
import { test } from "node:test";
import { validateWebhookClient } from "./webhook-client.ts";

const FORM = "; desired format: https://host[/path]";
const service = { name: "hook", namespace: "default" };

for (const [what, client, want] of [
  ["a service", { service: { ...service, path: "/validate/pods/", port: 443 } }, []],
  ["a service at its root", { service: { ...service, path: "/" } }, []],
  ["a URL", { url: "https://example.com/hook" }, []],
  ["nothing", {}, ["at: Required value: exactly one of url or service is required"]],
  [
    "a URL and a service",
    { url: "https://example.com", service },
    ["at: Required value: exactly one of url or service is required"],
  ],
  [
    "a service without names at no port",
    { service: { name: "", namespace: "", port: 0 } },
    [
      "at.service.name: Required value",
      "at.service.namespace: Required value",
      "at.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
    ],
  ],
  [
    "a path of nothing",
    { service: { ...service, path: "//" } },
    ['at.service.path: Invalid value: "//": segment[0] may not be empty'],
  ],
  [
    "a path with a gap",
    { service: { ...service, path: "/a//b" } },
    ['at.service.path: Invalid value: "/a//b": segment[1] may not be empty'],
  ],
  [
    "a URL of another scheme, with what else is refused",
    { url: "http://me@example.com?a=b#c" },
    [
      `at.url: Invalid value: "http": 'https' is the only allowed URL scheme${FORM}`,
      'at.url: Invalid value: "me": user information is not permitted in the URL',
      'at.url: Invalid value: "c": fragments are not permitted in the URL',
      'at.url: Invalid value: "a=b": query parameters are not permitted in the URL',
    ],
  ],
  ["text", { url: "text" }, [`at.url: Required value: url must be a valid URL: text${FORM}`]],
] as const) {
  test(`validateWebhookClient() judges ${what}`, () => {
    const causes = validateWebhookClient(client, "at");
    assert.deepEqual(
      causes.map(({ field, message }) => `${field}: ${message}`),
      want,
    );
  });
}

test("validateWebhookClient() takes a path by what upstream calls a segment", () => {
  const causes = validateWebhookClient({ service: { ...service, path: "Hook" } }, "at");
  assert.equal(causes[0]?.message, `Invalid value: "Hook": must start with a '/'`);
  assert.equal(validateWebhookClient({ service: { ...service, path: "/A" } }, "at").length, 1);
});
