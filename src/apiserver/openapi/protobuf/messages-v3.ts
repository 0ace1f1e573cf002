/** The messages of gnostic's `openapi.v3` that we use: which member of the JSON is which field. @module */

/** How a JSON value is written. */
export type FieldTypeV3 =
  | "string"
  | "strings"
  | "bool"
  | "int64"
  | "double"
  /** Any JSON value, as text. */
  | "any"
  | "anys"
  /** A number, a truth value or a text; anything else has no form but is told to be there. */
  | "default"
  /** A schema or a truth value. */
  | "additionalProperties"
  /** Codes, among them `default`, which has a field of its own. */
  | "responses"
  | { readonly one: MessageNameV3 }
  | { readonly each: MessageNameV3 }
  /** Alternatives, of which we have one, in a message around them. */
  | { readonly item: MessageNameV3 }
  /** An object whose members become `{name, value}` in field 1 of a message of their own. */
  | { readonly named: MessageNameV3 };

export interface MessageV3 {
  readonly fields: Readonly<Record<string, readonly [at: number, type: FieldTypeV3]>>;
  /** Field that takes the members that begin with `x-`. */
  readonly extensions?: number;
  /** It stands where a reference may stand instead: field 1 of a choice, the reference is field 2. */
  readonly isChoice?: true;
}

export type MessageNameV3 =
  | "document"
  | "info"
  | "pathItem"
  | "operation"
  | "parameter"
  | "requestBody"
  | "response"
  | "mediaType"
  | "components"
  | "schema"
  | "securityScheme"
  | "externalDocs";

export const messagesV3: Readonly<Record<MessageNameV3, MessageV3>> = {
  document: {
    fields: {
      openapi: [1, "string"],
      info: [2, { one: "info" }],
      paths: [4, { named: "pathItem" }],
      components: [5, { one: "components" }],
    },
  },
  info: { fields: { title: [1, "string"], description: [2, "string"], version: [6, "string"] } },
  pathItem: {
    fields: {
      get: [4, { one: "operation" }],
      put: [5, { one: "operation" }],
      post: [6, { one: "operation" }],
      delete: [7, { one: "operation" }],
      options: [8, { one: "operation" }],
      head: [9, { one: "operation" }],
      patch: [10, { one: "operation" }],
      parameters: [13, { each: "parameter" }],
    },
    extensions: 14,
  },
  operation: {
    fields: {
      tags: [1, "strings"],
      summary: [2, "string"],
      description: [3, "string"],
      operationId: [5, "string"],
      parameters: [6, { each: "parameter" }],
      requestBody: [7, { one: "requestBody" }],
      responses: [8, "responses"],
      deprecated: [10, "bool"],
    },
    extensions: 13,
  },
  parameter: {
    fields: {
      name: [1, "string"],
      in: [2, "string"],
      description: [3, "string"],
      required: [4, "bool"],
      schema: [10, { one: "schema" }],
    },
    extensions: 14,
    isChoice: true,
  },
  requestBody: {
    fields: {
      description: [1, "string"],
      content: [2, { named: "mediaType" }],
      required: [3, "bool"],
    },
    extensions: 4,
    isChoice: true,
  },
  response: {
    fields: { description: [1, "string"], content: [3, { named: "mediaType" }] },
    extensions: 5,
    isChoice: true,
  },
  mediaType: { fields: { schema: [1, { one: "schema" }] }, extensions: 5 },
  components: {
    fields: { schemas: [1, { named: "schema" }], securitySchemes: [7, { named: "securityScheme" }] },
    extensions: 10,
  },
  schema: {
    fields: {
      nullable: [1, "bool"],
      externalDocs: [6, { one: "externalDocs" }],
      example: [7, "any"],
      title: [9, "string"],
      multipleOf: [10, "double"],
      maximum: [11, "double"],
      exclusiveMaximum: [12, "bool"],
      minimum: [13, "double"],
      exclusiveMinimum: [14, "bool"],
      maxLength: [15, "int64"],
      minLength: [16, "int64"],
      pattern: [17, "string"],
      maxItems: [18, "int64"],
      minItems: [19, "int64"],
      uniqueItems: [20, "bool"],
      maxProperties: [21, "int64"],
      minProperties: [22, "int64"],
      required: [23, "strings"],
      enum: [24, "anys"],
      type: [25, "string"],
      allOf: [26, { each: "schema" }],
      oneOf: [27, { each: "schema" }],
      anyOf: [28, { each: "schema" }],
      items: [30, { item: "schema" }],
      properties: [31, { named: "schema" }],
      additionalProperties: [32, "additionalProperties"],
      default: [33, "default"],
      description: [34, "string"],
      format: [35, "string"],
    },
    extensions: 36,
    isChoice: true,
  },
  securityScheme: {
    fields: { type: [1, "string"], description: [2, "string"], name: [3, "string"], in: [4, "string"] },
    extensions: 9,
    isChoice: true,
  },
  externalDocs: { fields: { description: [1, "string"], url: [2, "string"] } },
};
