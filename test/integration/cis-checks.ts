/** What the checks of the CIS Kubernetes Benchmark look at: modes of files, TLS, and what a port answers. @module */
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { request, type RequestOptions } from "node:https";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import type { KeyPairPaths } from "#component-base/pki";

export function files(folder: string, ending: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

/** No bit beyond `max`, and the owner is who started the cluster. */
export function checkFile(path: string, max: number): void {
  const { mode, uid } = statSync(path);
  assert.equal(mode & 0o777 & ~max, 0, `${path} is ${(mode & 0o777).toString(8)}`);
  assert.equal(uid, process.geteuid?.(), path);
}

export function pairIn(folder: string, name: string): KeyPairPaths {
  return { certificate: join(folder, `${name}.crt`), privateKey: join(folder, `${name}.key`) };
}

interface Answer {
  readonly code: number;
  readonly text: string;
}

/** Without credentials, or with these. */
export function ask(port: number, path: string, credentials: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path,
      rejectUnauthorized: false,
      agent: false,
      ...credentials,
    };
    const sent = request(options, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.once("end", () => resolve({ code: response.statusCode ?? 0, text }));
    });
    sent.once("error", reject);
    sent.end();
  });
}

export async function handshake(port: number, options: object): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  return new Promise((resolve, reject) => {
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

export async function checkTls(port: number): Promise<void> {
  for (const maxVersion of ["TLSv1", "TLSv1.1"] as const) {
    await assert.rejects(handshake(port, { minVersion: "TLSv1", maxVersion, ciphers: "ALL:@SECLEVEL=0" }));
  }
  for (const ciphers of [
    "AES128-SHA",
    "AES256-SHA",
    "AES128-GCM-SHA256",
    "DES-CBC3-SHA",
    "ECDHE-ECDSA-AES128-SHA",
  ]) {
    await assert.rejects(
      handshake(port, { maxVersion: "TLSv1.2", ciphers: `${ciphers}:@SECLEVEL=0` }),
      `${ciphers} was accepted`,
    );
  }
  const socket = await handshake(port, { maxVersion: "TLSv1.2" });
  const { name } = socket.getCipher();
  socket.destroy();
  assert.match(name, /^ECDHE-ECDSA-(?:AES\d+-GCM-SHA\d+|CHACHA20-POLY1305)$/);
}

export async function serialOf(port: number): Promise<string> {
  const socket = await handshake(port, {});
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}
