import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveValue, type HttpCertificates } from "#component-base";
import { dnsEndpoints, proxyLivezUrl, securityOf, type EndpointFlags } from "./node-endpoints.ts";
import { plainEndpoints } from "./plain-http-flag.ts";

const HOST = "192.0.2.1";
const PORTS = { dnsMetricsPort: 9_153, dnsHealthPort: 8_080, dnsReadyPort: 8_181 };
const certificates = new LiveValue<HttpCertificates>({ clientCA: "ca" });
const admit = (): Promise<undefined> => Promise.resolve(undefined);

function endpoints(flags: Partial<EndpointFlags>): ReturnType<typeof dnsEndpoints> {
  return dnsEndpoints({ ...PORTS, ...flags }, HOST, certificates, admit);
}

test("plainEndpoints() takes names with commas, and refuses others", () => {
  assert.deepEqual(plainEndpoints("dns-metrics, proxy-healthz"), ["dns-metrics", "proxy-healthz"]);
  for (const text of ["", "dns", "dns-ready,kubelet"])
    assert.throws(() => plainEndpoints(text), /is none of dns-metrics, dns-health, dns-ready, proxy-healthz/);
});

test("dnsEndpoints() serves all over TLS, metrics to those who may, and what was asked for without", () => {
  const secure = { certificates };
  assert.deepEqual(endpoints({}), {
    metrics: { host: HOST, port: 9_153, secure: { certificates, admit } },
    health: { host: HOST, port: 8_080, secure },
    ready: { host: HOST, port: 8_181, secure },
  });
  assert.deepEqual(endpoints({ plainHttp: ["dns-metrics", "dns-ready"], dnsHealthPort: 0 }), {
    metrics: { host: HOST, port: 9_153 },
    ready: { host: HOST, port: 8_181 },
  });
});

test("proxyLivezUrl() is where kube-proxy answers now, if it does", () => {
  const at = { host: "0.0.0.0", port: 10_256 };
  const live = new LiveValue<HttpCertificates>({ clientCA: "ca" });
  const secured = { ...at, ...securityOf("proxy-healthz", {}, live) };
  assert.equal(proxyLivezUrl(undefined), undefined);
  assert.equal(proxyLivezUrl(at), "http://127.0.0.1:10256/livez");
  assert.equal(proxyLivezUrl({ ...at, host: "::" }), "http://[::1]:10256/livez");
  assert.equal(proxyLivezUrl({ ...at, host: "2001:db8::1" }), "http://[2001:db8::1]:10256/livez");
  assert.equal(proxyLivezUrl(secured), undefined, "nobody could connect");
  live.set({ clientCA: "ca", cert: "cert", key: "key" });
  assert.equal(proxyLivezUrl(secured), "https://127.0.0.1:10256/livez");
});
