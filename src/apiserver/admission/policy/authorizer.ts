/** The variable `authorizer` of a request: asks the server's own authorizer, and remembers what it said. @module */
import { fields, labels, messageOf } from "#apimachinery";
import type { AskAuthorizer, AuthorizerAnswer, AuthorizerQuery } from "#apimachinery/cel";
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from "../../user-info.ts";

/** Questions that are remembered for one request. */
const ANSWERS_MAX = 1024;

/** The evaluation has to wait for an answer, and to be made anew when it is there. */
export class AnswerPending extends Error {
  readonly answer: Promise<unknown>;

  constructor(answer: Promise<unknown>) {
    super("the authorizer has not answered yet");
    this.answer = answer;
  }
}

/** Makes an evaluation anew until no answer is missing. */
export async function settled<T>(evaluate: () => T): Promise<T> {
  for (;;) {
    try {
      return evaluate();
    } catch (err) {
      if (!(err instanceof AnswerPending)) throw err;
      await err.answer;
    }
  }
}

export function askAuthorizer(authorizer: Authorizer, user: UserInfo): AskAuthorizer {
  const answers = new Map<string, AuthorizerAnswer>();
  return (query) => {
    const key = JSON.stringify(query);
    const known = answers.get(key);
    if (known !== undefined) return known;
    if (answers.size >= ANSWERS_MAX) answers.clear();
    const decision = decide(authorizer, attributesOf(query, user));
    if (!(decision instanceof Promise)) {
      answers.set(key, answerOf(decision));
      return answerOf(decision);
    }
    throw new AnswerPending(decision.then((decided) => answers.set(key, answerOf(decided))));
  };
}

function decide(authorizer: Authorizer, attributes: AuthorizationAttributes): Decision | Promise<Decision> {
  try {
    const decision = authorizer.authorize(attributes);
    return decision instanceof Promise ? decision.catch(failed) : decision;
  } catch (err) {
    return failed(err);
  }
}

/** Expressions ask for errors: `decision.errored()`. */
function failed(err: unknown): Decision {
  return { allowed: false, evaluationError: messageOf(err) };
}

function answerOf({ allowed, reason = "", evaluationError = "" }: Decision): AuthorizerAnswer {
  return { allowed, reason, error: evaluationError };
}

function attributesOf(query: AuthorizerQuery, user: UserInfo): AuthorizationAttributes {
  const { path, verb, group, resource, subresource, namespace, name } = query;
  const fieldSelector = parsed(query.fieldSelector, (text) => fields.parse(text));
  const labelSelector = parsed(query.labelSelector, (text) => labels.parse(text).requirements);
  return {
    user: userOf(query, user),
    verb,
    isResourceRequest: path === undefined,
    path: path ?? "",
    group,
    version: path === undefined ? "*" : "",
    resource,
    subresource,
    namespace,
    name,
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(labelSelector !== undefined && { labelSelector }),
  };
}

function userOf({ serviceAccount }: AuthorizerQuery, user: UserInfo): UserInfo {
  if (serviceAccount === undefined) return user;
  const { namespace, name } = serviceAccount;
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
  };
}

/** A selector only narrows what is asked for: one that cannot be read narrows nothing. */
function parsed<T>(text: string, parse: (text: string) => T): T | undefined {
  if (text === "") return undefined;
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
