/** Users named in a file of static tokens: lines of `token,user,uid,"group1,group2"`. @module */
import { hash } from "node:crypto";
import type { UserInfo } from "../user-info.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

/** Tokens are looked up by hash, so that the time it takes tells nothing about them. */
export function staticTokens(users: ReadonlyMap<string, UserInfo>): TokenAuthenticator {
  const byHash = new Map(users.entries().map(([token, user]) => [digest(token), user]));
  return {
    async authenticateToken(token) {
      const user = byHash.get(digest(token));
      return user && { user };
    },
  };
}

/** Throws with the number of the line that is wrong; never with what stands there. */
export function parseTokenFile(csv: string): Map<string, UserInfo> {
  const users = new Map<string, UserInfo>();
  for (const [i, line] of csv.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const fields = [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
      (quoted?.replaceAll('""', '"') ?? plain ?? "").trim(),
    );
    const [token = "", name = "", uid = "", groups = ""] = fields;
    if (fields.length < 3 || token === "" || name === "")
      throw new Error(`token file line ${i + 1}: expected token,user,uid and optional groups`);
    const names = groups.split(",").map((group) => group.trim());
    users.set(token, { name, uid, groups: names.filter((group) => group !== "") });
  }
  return users;
}

function digest(token: string): string {
  return hash("sha256", token, "base64");
}
