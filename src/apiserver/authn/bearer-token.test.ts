import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, reasonOf } from "#apimachinery";
import type { UserInfo } from "../user-info.ts";
import { bearerToken } from "./bearer-token.ts";
import { bootstrapTokens } from "./bootstrap-token.ts";
import { authenticatorChain } from "./chain.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";
import { parseTokenFile, staticTokens } from "./token-file.ts";
import { unauthorized } from "./unauthorized.ts";

const signal = new AbortController().signal;
const jane: UserInfo = { name: "jane", groups: ["dev"] };
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test("bearerToken() finds the token in the header or in the WebSocket subprotocol", async () => {
  const authenticator = bearerToken([staticTokens(new Map([["s3cret", jane]]))], { clock: new FakeClock() });
  const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from("s3cret").toString("base64url")}`;
  for (const headers of [
    { authorization: "Bearer s3cret" },
    { authorization: "bearer  s3cret " },
    { "sec-websocket-protocol": `v5.channel.k8s.io, ${protocol}` },
  ])
    assert.equal((await authenticator.authenticate({ headers }, signal))?.name, "jane");
  for (const headers of [{}, { authorization: "Basic abc" }])
    assert.equal(await authenticator.authenticate({ headers }, signal), undefined);
});

test("bearerToken() refuses a token nobody knows, in upstream's words", async () => {
  const authenticator = bearerToken([staticTokens(new Map())], { clock: new FakeClock() });
  await assert.rejects(authenticator.authenticate(bearer("x"), signal), {
    message: "Unauthorized",
    code: 401,
  });
});

test("bearerToken() asks again only when the time to live is over", async () => {
  const clock = new FakeClock();
  let asked = 0;
  const counting: TokenAuthenticator = { authenticateToken: async () => (asked++, { user: jane }) };
  const authenticator = bearerToken([counting], { clock });
  for (let i = 0; i < 3; i++) await authenticator.authenticate(bearer("x"), signal);
  assert.equal(asked, 1);
  clock.advance(10_000);
  await authenticator.authenticate(bearer("x"), signal);
  assert.equal(asked, 2);
});

test("authenticatorChain() adds system:authenticated and prefers a good credential to a bad one", async () => {
  const bad = { authenticate: () => Promise.reject(unauthorized()) };
  const good = { authenticate: () => Promise.resolve(jane) };
  const none = { authenticate: () => Promise.resolve(undefined) };
  const user = await authenticatorChain([none, bad, good]).authenticate({ headers: {} }, signal);
  assert.deepEqual(user?.groups, ["dev", "system:authenticated"]);
  assert.equal(await authenticatorChain([none]).authenticate({ headers: {} }, signal), undefined);
  await assert.rejects(
    authenticatorChain([bad, none]).authenticate({ headers: {} }, signal),
    (error) => reasonOf(error) === "Unauthorized",
  );
});

test("parseTokenFile() reads quoted groups and says which line is wrong", () => {
  const users = parseTokenFile('t1,jane,u1,"dev,ops"\n\n# comment\nt2,joe,u2\n');
  assert.deepEqual(users.get("t1"), { name: "jane", uid: "u1", groups: ["dev", "ops"] });
  assert.deepEqual(users.get("t2"), { name: "joe", uid: "u2", groups: [] });
  for (const line of ["s3cret", "s3cret,jane", '"s3cret",,u1', ",s3cret,u1"])
    assert.throws(
      () => parseTokenFile(`t1,jane,u1\n${line}`),
      /^Error: token file line 2: expected token,user,uid and optional groups$/,
      line,
    );
});

const encode = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Buffer.from(v).toString("base64")]));

test("bootstrapTokens() accepts a live token of kube-system and no other", async () => {
  const clock = new FakeClock();
  const good = {
    "token-id": "abcdef",
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-authentication": "true",
    "auth-extra-groups": "system:bootstrappers:k8ts:default",
    expiration: "2026-01-02T00:00:00Z",
  };
  const ask = (values: Record<string, string>, token = "abcdef.0123456789abcdef") =>
    bootstrapTokens(
      (name) =>
        name === "bootstrap-token-abcdef"
          ? {
              apiVersion: "v1",
              kind: "Secret",
              metadata: { name },
              type: "bootstrap.kubernetes.io/token",
              data: encode(values),
            }
          : undefined,
      clock,
    ).authenticateToken(token, signal);
  assert.deepEqual((await ask(good))?.user, {
    name: "system:bootstrap:abcdef",
    groups: ["system:bootstrappers", "system:bootstrappers:k8ts:default"],
  });
  assert.equal(await ask({ ...good, expiration: "2025-01-02T00:00:00Z" }), undefined);
  assert.equal(await ask({ ...good, "usage-bootstrap-authentication": "false" }), undefined);
  assert.equal(await ask({ ...good, "auth-extra-groups": "system:masters" }), undefined);
  assert.equal(await ask(good, "abcdef.0000000000000000"), undefined);
  assert.equal(await ask(good, "other0.0123456789abcdef"), undefined);
});
