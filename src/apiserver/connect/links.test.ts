import assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import { createGzip, gunzipSync } from "node:zlib";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { proxiedAnswer } from "./proxied-answer.ts";
import { rewriteLinks, rewriteUrl } from "./links.ts";

const place = { prefix: "/api/v1/namespaces/a/pods/b/proxy", backend: "10.0.0.1:80", asked: "api:6443" };

test("rewriteUrl() keeps the client behind the proxy, and lets it go elsewhere", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["/page", `${place.prefix}/page`],
    ["/page/?q=1#top", `${place.prefix}/page/?q=1#top`],
    ["page", "page"],
    ["../page", "../page"],
    ["", ""],
    ["#top", "#top"],
    ["mailto:a@b", "mailto:a@b"],
    ["http://10.0.0.1:80/page", `${place.prefix}/page`],
    ["//10.0.0.1:80/page", `${place.prefix}/page`],
    ["https://api:6443/page", `https://api:6443${place.prefix}/page`],
    ["http://example.com/page", "http://example.com/page"],
    [`${place.prefix}/page`, `${place.prefix}/page`],
  ];
  for (const [url, expected] of cases) assert.equal(rewriteUrl(url, place), expected, url);
});

const PAGES: readonly (readonly [string, string])[] = [
  ['<a href="/x">/x</a>', `<a href="${place.prefix}/x">/x</a>`],
  ["<IMG alt='/y' SRC='/x' />", `<IMG alt='/y' SRC='${place.prefix}/x' />`],
  ["<a\n href=/x>", `<a\n href=${place.prefix}/x>`],
  ["<!-- <a href='/x'> --><p href='/x'>", "<!-- <a href='/x'> --><p href='/x'>"],
  [
    "<script src='/s'>if (a<b) '<a href=\"/x\">'</script><a href='/x'>",
    `<script src='${place.prefix}/s'>if (a<b) '<a href="/x">'</script><a href='${place.prefix}/x'>`,
  ],
  ["1 < 2 and <a href='/x", "1 < 2 and <a href='/x"],
  ["f\u00fcr <b", "f\u00fcr <b"],
];

test("rewriteLinks() changes links alone, wherever the page is cut", async () => {
  for (const [page, expected] of PAGES) {
    const bytes = Buffer.from(page);
    for (let at = 0; at <= bytes.length; at++) {
      const parts = Readable.from([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.equal(await text(Readable.from(rewriteLinks(parts, place))), expected, `${page} cut at ${at}`);
    }
  }
});

test("proxiedAnswer() opens a compressed page and closes it again", async () => {
  const answer = {
    type: "stream" as const,
    status: 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-encoding": "gzip",
      "content-length": "1",
      "access-control-allow-origin": "*",
    },
    body: Readable.from([Buffer.from('<a href="/x">')]).pipe(createGzip()),
  };
  const { headers, body } = await proxiedAnswer(answer, place);
  assert.equal(gunzipSync(await buffer(Readable.from(body))).toString(), `<a href="${place.prefix}/x">`);
  assert.deepEqual(headers, { "content-type": "text/html; charset=utf-8", "content-encoding": "gzip" });
});

test("proxiedAnswer() rewrites where a redirection leads", async () => {
  const headers = { "content-type": "text/html", location: "/next" };
  const answer = { type: "stream" as const, status: 302, headers, body: Readable.from([]) };
  assert.equal((await proxiedAnswer(answer, place)).headers["location"], `${place.prefix}/next`);
});
