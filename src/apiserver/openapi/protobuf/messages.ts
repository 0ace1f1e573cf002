/** The messages of gnostic's `openapi.v2` that we use: which member of the JSON is which field. @module */

/** How a JSON value is written. */
export type FieldType =
  | "string"
  | "strings"
  | "bool"
  | "int64"
  | "double"
  /** Any JSON value, as text. */
  | "any"
  | "anys"
  /** `type`, which JSON Schema allows to be a list. */
  | "type"
  | { readonly message: MessageName }
  /** A list of messages. */
  | { readonly each: MessageName }
  /** An object whose members become `{name, value}` messages in field `at` of a message of their own. */
  | { readonly named: MessageName; readonly at: number };

export interface MessageField {
  /** Field numbers from the message to the value: gnostic wraps each choice in a message. */
  readonly path: readonly number[];
  readonly type: FieldType;
}

export interface Message {
  readonly fields: Readonly<Record<string, MessageField>>;
  /** Field that takes the members that begin with `x-`. */
  readonly extensions?: number;
}

export type MessageName =
  | "externalDocs"
  | "info"
  | "operation"
  | "parameter"
  | "response"
  | "schema"
  | "pathItem"
  | "apiKey";

const string = (at: number): MessageField => ({ path: [at], type: "string" });
const strings = (at: number): MessageField => ({ path: [at], type: "strings" });
const bool = (at: number): MessageField => ({ path: [at], type: "bool" });
const int64 = (at: number): MessageField => ({ path: [at], type: "int64" });
const double = (at: number): MessageField => ({ path: [at], type: "double" });
const message = (name: MessageName, ...path: number[]): MessageField => ({ path, type: { message: name } });

export const messages: Readonly<Record<Exclude<MessageName, "parameter">, Message>> = {
  externalDocs: { fields: { description: string(1), url: string(2) } },
  info: { fields: { title: string(1), version: string(2), description: string(3) } },
  apiKey: { fields: { type: string(1), name: string(2), in: string(3), description: string(4) } },
  pathItem: {
    fields: {
      get: message("operation", 2),
      put: message("operation", 3),
      post: message("operation", 4),
      delete: message("operation", 5),
      options: message("operation", 6),
      head: message("operation", 7),
      patch: message("operation", 8),
      parameters: { path: [9], type: { each: "parameter" } },
    },
    extensions: 10,
  },
  operation: {
    fields: {
      tags: strings(1),
      description: string(3),
      operationId: string(5),
      produces: strings(6),
      consumes: strings(7),
      parameters: { path: [8], type: { each: "parameter" } },
      // Responses.response_code, NamedResponseValue.value, ResponseValue.response
      responses: { path: [9], type: { named: "response", at: 1 } },
      schemes: strings(10),
    },
    extensions: 13,
  },
  response: { fields: { description: string(1), schema: message("schema", 2, 1) } },
  schema: {
    fields: {
      $ref: string(1),
      format: string(2),
      title: string(3),
      description: string(4),
      default: { path: [5], type: "any" },
      multipleOf: double(6),
      maximum: double(7),
      exclusiveMaximum: bool(8),
      minimum: double(9),
      exclusiveMinimum: bool(10),
      maxLength: int64(11),
      minLength: int64(12),
      pattern: string(13),
      maxItems: int64(14),
      minItems: int64(15),
      uniqueItems: bool(16),
      maxProperties: int64(17),
      minProperties: int64(18),
      required: strings(19),
      enum: { path: [20], type: "anys" },
      additionalProperties: message("schema", 21, 1),
      type: { path: [22], type: "type" },
      items: message("schema", 23, 1),
      externalDocs: message("externalDocs", 28),
      example: { path: [29], type: "any" },
      properties: { path: [25], type: { named: "schema", at: 1 } },
    },
    extensions: 31,
  },
};

/** A parameter is one of three messages, by where it stands; each lies in the choices that lead to it. */
export const parameterMessages: Readonly<
  Record<string, { readonly path: readonly number[]; readonly message: Message }>
> = {
  body: {
    path: [1, 1],
    message: {
      fields: {
        description: string(1),
        name: string(2),
        in: string(3),
        required: bool(4),
        schema: message("schema", 5),
      },
    },
  },
  query: {
    path: [1, 2, 3],
    message: {
      fields: {
        required: bool(1),
        in: string(2),
        description: string(3),
        name: string(4),
        type: string(6),
        uniqueItems: bool(20),
      },
    },
  },
  path: {
    path: [1, 2, 4],
    message: {
      fields: {
        required: bool(1),
        in: string(2),
        description: string(3),
        name: string(4),
        type: string(5),
        uniqueItems: bool(19),
      },
    },
  },
};
