import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { FakeClock, StatusError } from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import type { Credentials, UserInfo } from "../user-info.ts";
import { frontProxy } from "./front-proxy.ts";
import { isIdentityHeader, STANDARD_HEADERS } from "./front-proxy-options.ts";

const clock = new FakeClock();
const signal = new AbortController().signal;
const proxies = await createCertificateAuthority("front-proxy-ca", clock);
const clients = await createCertificateAuthority("kubernetes", clock);
const proxy = await derOf(proxies, "front-proxy-client");
const stranger = await derOf(proxies, "somebody");
const client = await derOf(clients, "front-proxy-client");
const options = {
  ...STANDARD_HEADERS,
  clientCa: proxies.certificatePem,
  allowedNames: ["front-proxy-client"],
};

async function derOf(ca: typeof proxies, commonName: string): Promise<Uint8Array> {
  const { certificatePem } = await issueCertificate(ca, { commonName, usages: ["client"] }, clock);
  return new X509Certificate(certificatePem).raw;
}

function ask(
  clientCertificate: Uint8Array | undefined,
  rawHeaders: readonly string[],
  more = {},
): Promise<UserInfo | undefined> {
  const credentials: Credentials = {
    headers: {},
    rawHeaders,
    ...(clientCertificate !== undefined && { clientCertificate }),
  };
  return frontProxy({ ...options, ...more }, { clock }).authenticate(credentials, signal);
}

const HEADERS = [
  ["X-Remote-User", "jörg"],
  ["X-Remote-Uid", "42"],
  ["X-Remote-Group", "a, system:masters"],
  ["x-remote-group", "b"],
  ["X-Remote-Extra-Example.com%2fScopes", "read"],
  ["X-Remote-Extra-example.com%2Fscopes", "write"],
].map(([name, value]) => [name!, Buffer.from(value!).toString("latin1")]);

test("frontProxy takes the user from the headers, each line a value of its own", async () => {
  assert.deepEqual(await ask(proxy, HEADERS.flat()), {
    name: "jörg",
    uid: "42",
    groups: ["a, system:masters", "b"],
    extra: { "example.com/scopes": ["read", "write"] },
  });
});

test("frontProxy believes nobody but proxies of its own authority", async () => {
  assert.equal(await ask(undefined, HEADERS.flat()), undefined);
  assert.equal(await ask(client, HEADERS.flat()), undefined);
  await assert.rejects(
    ask(stranger, HEADERS.flat()),
    (err) => err instanceof StatusError && err.code === 401,
  );
  assert.equal((await ask(stranger, HEADERS.flat(), { allowedNames: [] }))?.name, "jörg");
});

test("frontProxy knows no user without a user header", async () => {
  assert.equal(await ask(proxy, ["X-Remote-Group", "system:masters"]), undefined);
  assert.equal(await ask(proxy, ["X-Remote-User", "", "X-Remote-Group", "system:masters"]), undefined);
});

test("frontProxy asks the names in their order", async () => {
  const usernameHeaders = ["X-First", "X-Remote-User"];
  const raw = ["X-Remote-User", "second", "X-First", "first"];
  assert.equal((await ask(proxy, raw, { usernameHeaders }))?.name, "first");
  assert.equal((await ask(proxy, raw.slice(0, 2), { usernameHeaders }))?.name, "second");
});

test("frontProxy does not believe a certificate that is over", async () => {
  const later = new FakeClock(clock.now() + 400 * 86_400_000);
  const authenticator = frontProxy(options, { clock: later });
  const credentials = { headers: {}, rawHeaders: HEADERS.flat(), clientCertificate: proxy };
  assert.equal(await authenticator.authenticate(credentials, signal), undefined);
});

test("isIdentityHeader knows the standard names, and those that were configured", () => {
  const own = { ...options, usernameHeaders: ["X-Who"], extraHeaderPrefixes: ["X-More-"] };
  for (const name of ["x-remote-user", "x-remote-extra-a", "x-remote-group", "x-who", "x-more-b"]) {
    assert.equal(isIdentityHeader(name, own), true, name);
  }
  assert.equal(isIdentityHeader("x-who"), false);
  assert.equal(isIdentityHeader("x-forwarded-for", own), false);
});
