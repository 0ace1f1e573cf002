/** Whom the Impersonate headers of a request name. Pure. @module */
import { badRequest } from "#apimachinery";
import type { Credentials, UserInfo } from "../../user-info.ts";
import { extraOf, linesOf } from "../header-lines.ts";

const PREFIX = "impersonate-";
const USER = `${PREFIX}user`;
const UID = `${PREFIX}uid`;
const GROUP = `${PREFIX}group`;
const EXTRA_PREFIX = `${PREFIX}extra-`;

/** As the headers say it, nothing added; undefined: they ask for nobody. Throws BadRequest when they name no user. */
export function wantedUser(credentials: Credentials): UserInfo | undefined {
  if (!isImpersonating(credentials)) return undefined;
  const lines = linesOf(credentials);
  const first = (name: string): string => lines.find((line) => line.name === name)?.value ?? "";
  const [name, uid] = [first(USER), first(UID)];
  const groups = lines.filter((line) => line.name === GROUP).map(({ value }) => value);
  const extra = extraOf(lines, [EXTRA_PREFIX]);
  const wanted: UserInfo = {
    name,
    ...(uid !== "" && { uid }),
    groups,
    ...(extra !== undefined && { extra }),
  };
  if (name !== "") return wanted;
  if (uid === "" && groups.length === 0 && extra === undefined) return undefined;
  throw badRequest(`requested ${shown(wanted)} without impersonating a user name`);
}

/** Asked of every request. */
export function isImpersonating({ headers }: Credentials): boolean {
  for (const name in headers) {
    if (!name.startsWith(PREFIX)) continue;
    if (name === USER || name === UID || name === GROUP || name.startsWith(EXTRA_PREFIX)) return true;
  }
  return false;
}

/** As Go prints the structure. */
function shown({ name, uid = "", groups, extra }: UserInfo): string {
  const entries = Object.entries(extra ?? {}).map(
    ([key, values]) => `${JSON.stringify(key)}:${shownList(values)}`,
  );
  const map = extra === undefined ? "map[string][]string(nil)" : `map[string][]string{${entries.join(", ")}}`;
  return `&user.DefaultInfo{Name:${JSON.stringify(name)}, UID:${JSON.stringify(uid)}, Groups:${shownList(groups)}, Extra:${map}}`;
}

function shownList(values: readonly string[]): string {
  if (values.length === 0) return "[]string(nil)";
  return `[]string{${values.map((value) => JSON.stringify(value)).join(", ")}}`;
}
