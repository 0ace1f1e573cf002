/** Services of a machine that the test's own may lack: logind on a bus of its own, and a journal. The programs that ask them are told where. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { eventually, run, type Output } from "./running.ts";

const LOGIND = "/lib/systemd/systemd-logind";
/** Twelve lines, in turn of `kubelet.service` and `other.service`. */
const JOURNAL = join(import.meta.dirname, "testdata/services.journal.gz");
const MANAGER = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"];
const FOLDERS = ["system", "sessions", "seats", "users", "inhibit", "shutdown"];

export class MachineServices {
  /** First in PATH of whoever is to find them. */
  readonly bin: string;
  readonly #address: string;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.bin = join(folder, "bin");
    this.#address = `unix:path=${join(folder, "bus")}`;
    mkdirSync(this.bin, { recursive: true });
    const journal = join(folder, "services.journal");
    writeFileSync(journal, gunzipSync(readFileSync(JOURNAL)));
    for (const program of ["busctl", "systemd-inhibit"])
      this.#wrap(program, `DBUS_SYSTEM_BUS_ADDRESS=${this.#address} exec /usr/bin/${program} "$@"`);
    this.#wrap("journalctl", `exec /usr/bin/journalctl --file=${journal} "$@"`);
  }

  /** Its folders in /run are its own, and nobody is there whom it could tell to turn the machine off. */
  async startLogind(): Promise<void> {
    const config = join(this.#folder, "bus.conf");
    const rules = ["user", "own", "send_destination", "receive_sender"].map((what) => `<allow ${what}="*"/>`);
    writeFileSync(
      config,
      `<busconfig><type>system</type><listen>${this.#address}</listen><auth>EXTERNAL</auth>` +
        `<policy context="default">${rules.join("")}</policy></busconfig>`,
    );
    this.#start("dbus-daemon", [`--config-file=${config}`, "--nofork", "--nopidfile"]);
    await eventually("the bus", async () => existsSync(join(this.#folder, "bus")) || undefined);
    const folders = FOLDERS.map((name) => `/run/systemd/${name}`).join(" ");
    const script = `mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir -p ${folders} && exec ${LOGIND}`;
    this.#start("unshare", ["--mount", "sh", "-c", script]);
    await eventually("logind", async () => ((await this.inhibitors()) === undefined ? undefined : true));
  }

  /** Undefined: logind does not answer. */
  async inhibitors(): Promise<string | undefined> {
    const { code, stdout } = await this.#busctl("call", ...MANAGER, "ListInhibitors");
    return code === 0 ? stdout : undefined;
  }

  /** As logind tells it before the machine goes, and when that was called off. */
  async prepareForShutdown(active: boolean): Promise<void> {
    const { code, stderr } = await this.#busctl(
      "emit",
      MANAGER[1]!,
      MANAGER[2]!,
      "PrepareForShutdown",
      "b",
      String(active),
    );
    assert.equal(code, 0, stderr);
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
  }

  #busctl(...args: readonly string[]): Promise<Output> {
    return run([join(this.bin, "busctl"), "--system", ...args], process.env);
  }

  #start(program: string, args: readonly string[]): void {
    const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: this.#address };
    this.#children.push(spawn(program, args, { stdio: "ignore", env }));
  }

  #wrap(program: string, line: string): void {
    writeFileSync(join(this.bin, program), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }
}

export function whyNoLogind(): string | false {
  if (!existsSync(LOGIND)) return `needs ${LOGIND}`;
  for (const program of ["dbus-daemon", "busctl", "systemd-inhibit", "unshare"])
    if (spawnSync(program, ["--version"]).error !== undefined) return `needs ${program}`;
  return false;
}

export function whyNoJournal(): string | false {
  return spawnSync("journalctl", ["--version"]).error === undefined ? false : "needs journalctl";
}
