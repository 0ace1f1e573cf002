/** `authorizer.group("apps").resource("deployments").check("create").allowed()`. @module */
import { isDns1123Label, isDns1123Subdomain } from "../../names.ts";
import { fn, type Declaration } from "../functions.ts";
import { structOf, type CelType } from "../types.ts";
import { CelError, NamedValue } from "../values.ts";

/** What an expression asks about. */
export interface AuthorizerQuery {
  /** Undefined: the user of the request. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined;
  readonly verb: string;
  /** Of a path; then the rest is empty. */
  readonly path: string | undefined;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector: string;
  readonly labelSelector: string;
}

export interface AuthorizerAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  /** "" when there was none. */
  readonly error: string;
}

/** May throw what is no CelError to stop the evaluation, such as a wish to be asked again later. */
export type AskAuthorizer = (query: AuthorizerQuery) => AuthorizerAnswer;

const PREFIX = "kubernetes.authorization";
const AUTHORIZER = `${PREFIX}.Authorizer`;
const PATH = `${PREFIX}.PathCheck`;
const GROUP = `${PREFIX}.GroupCheck`;
const RESOURCE = `${PREFIX}.ResourceCheck`;
const DECISION = `${PREFIX}.Decision`;

export const AUTHORIZER_TYPE: CelType = structOf(AUTHORIZER);
export const RESOURCE_CHECK_TYPE: CelType = structOf(RESOURCE);

type Fields = Omit<AuthorizerQuery, "verb">;

const NOTHING: Fields = {
  serviceAccount: undefined,
  path: undefined,
  group: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  fieldSelector: "",
  labelSelector: "",
};

/** An authorizer, or a question to it that is being put together. */
class Check extends NamedValue {
  readonly celType: CelType;
  readonly ask: AskAuthorizer;
  readonly fields: Fields;

  constructor(type: string, ask: AskAuthorizer, fields: Fields) {
    super();
    this.celType = structOf(type);
    this.ask = ask;
    this.fields = fields;
  }

  equals(other: NamedValue): boolean {
    return other === this;
  }

  as(type: string, more: Partial<Fields>): Check {
    return new Check(type, this.ask, { ...this.fields, ...more });
  }
}

class DecisionValue extends NamedValue {
  readonly celType: CelType = structOf(DECISION);
  readonly answer: AuthorizerAnswer;

  constructor(answer: AuthorizerAnswer) {
    super();
    this.answer = answer;
  }

  equals(other: NamedValue): boolean {
    return other === this;
  }
}

/** The variable `authorizer`. */
export function authorizerValue(ask: AskAuthorizer): NamedValue {
  return new Check(AUTHORIZER, ask, NOTHING);
}

/** The variable `authorizer.requestResource`. */
export function requestResourceValue(
  ask: AskAuthorizer,
  requested: Pick<AuthorizerQuery, "group" | "resource" | "subresource" | "namespace" | "name">,
): NamedValue {
  return new Check(RESOURCE, ask, { ...NOTHING, ...requested });
}

function serviceAccount(check: Check, namespace: string, name: string): Check {
  if (isDns1123Subdomain(name).length > 0) throw new CelError("Invalid service account name");
  if (isDns1123Label(namespace).length > 0) throw new CelError("Invalid service account namespace");
  return check.as(AUTHORIZER, { serviceAccount: { namespace, name } });
}

function path(check: Check, text: string): Check {
  if (text.trim() === "") throw new CelError("path must not be empty");
  return check.as(PATH, { path: text });
}

function resource(check: Check, name: string): Check {
  if (name.trim() === "") throw new CelError("resource must not be empty");
  return check.as(RESOURCE, { resource: name });
}

/** A method that sets one part of the question. */
function setter(name: string, id: string, from: string, to: string, key: keyof Fields): Declaration {
  return fn(name, id, `${from}.(string): ${to}`, (check: Check, text: string) =>
    check.as(to, { [key]: text }),
  );
}

const decide = (check: Check, verb: string): DecisionValue =>
  new DecisionValue(check.ask({ ...check.fields, verb }));

export const AUTHORIZER_FUNCTIONS: readonly Declaration[] = [
  fn("path", "authorizer_path", `${AUTHORIZER}.(string): ${PATH}`, path),
  setter("group", "authorizer_group", AUTHORIZER, GROUP, "group"),
  fn(
    "serviceAccount",
    "authorizer_serviceaccount",
    `${AUTHORIZER}.(string, string): ${AUTHORIZER}`,
    serviceAccount,
  ),
  fn("resource", "groupcheck_resource", `${GROUP}.(string): ${RESOURCE}`, resource),
  setter("subresource", "resourcecheck_subresource", RESOURCE, RESOURCE, "subresource"),
  setter("namespace", "resourcecheck_namespace", RESOURCE, RESOURCE, "namespace"),
  setter("name", "resourcecheck_name", RESOURCE, RESOURCE, "name"),
  setter("fieldSelector", "authorizer_fieldselector", RESOURCE, RESOURCE, "fieldSelector"),
  setter("labelSelector", "authorizer_labelselector", RESOURCE, RESOURCE, "labelSelector"),
  fn("check", "pathcheck_check", `${PATH}.(string): ${DECISION}`, decide),
  fn("check", "resourcecheck_check", `${RESOURCE}.(string): ${DECISION}`, decide),
  fn(
    "errored",
    "decision_errored",
    `${DECISION}.(): bool`,
    ({ answer }: DecisionValue) => answer.error !== "",
  ),
  fn("error", "decision_error", `${DECISION}.(): string`, ({ answer }: DecisionValue) => answer.error),
  fn("allowed", "decision_allowed", `${DECISION}.(): bool`, ({ answer }: DecisionValue) => answer.allowed),
  fn("reason", "decision_reason", `${DECISION}.(): string`, ({ answer }: DecisionValue) => answer.reason),
];

/** `jsonpatch.escapeKey`: a key as JSON pointers write it. Of the policies that mutate alone. */
export const JSON_PATCH_FUNCTIONS: readonly Declaration[] = [
  fn("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", "(string): string", (key: string) =>
    key.replaceAll("~", "~0").replaceAll("/", "~1"),
  ),
];
