/** Whether the kernel enforces AppArmor profiles. @module */
import { access, readFile } from "node:fs/promises";

const INTERFACE = "/sys/kernel/security/apparmor";
const ENABLED = "/sys/module/apparmor/parameters/enabled";

/** A kernel without it has neither file. */
export async function isAppArmorEnabled(): Promise<boolean> {
  try {
    await access(INTERFACE);
    return (await readFile(ENABLED, "utf8")).startsWith("Y");
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES") return false;
    throw err;
  }
}
