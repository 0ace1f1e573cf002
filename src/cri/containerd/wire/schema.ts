/** Message types from compact tables; a type is read from its table when it is first used. @module */

/**
 * `messages`: name → `field number type; …`, where a type is a scalar, an enum, a message, any of them
 * with `[]`, or `map` (string to string). `enums`: name → value names, numbered from 0.
 * `methods`: `Service Method Request Response [stream]`.
 */
export interface Tables {
  readonly package: string;
  readonly messages: Readonly<Record<string, string>>;
  readonly enums: Readonly<Record<string, string>>;
  readonly methods: readonly string[];
}

export type Scalar = "string" | "bytes" | "bool" | "int32" | "uint32" | "int64" | "uint64" | "double";
const SCALARS: readonly string[] = [
  "string",
  "bytes",
  "bool",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "double",
];

export type FieldType =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "map" }
  | { readonly kind: "enum"; readonly names: readonly string[] }
  | { readonly kind: "message"; readonly message: MessageType };

export interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: FieldType;
  readonly repeated: boolean;
}

export interface MessageType {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
  /** Int64Value and its like: TypeScript sees the one value inside, or undefined. */
  readonly isWrapper: boolean;
}

export interface Schema {
  readonly package: string;
  message(name: string): MessageType;
  method(service: string, name: string): Method;
}

export interface Method {
  /** As HTTP/2 has it: `/package.Service/Method`. */
  readonly path: string;
  readonly request: MessageType;
  readonly response: MessageType;
}

export function createSchema(tables: Tables): Schema {
  const messages = new Map<string, MessageType>();
  const message = (name: string): MessageType => {
    const known = messages.get(name);
    if (known !== undefined) return known;
    const table = tables.messages[name];
    if (table === undefined) throw new Error(`${tables.package} has no message ${name}`);
    const fields: Field[] = [];
    const byNumber = new Map<number, Field>();
    const isWrapper = name.endsWith("Value") && !table.includes(";");
    const type: MessageType = { name, fields, byNumber, isWrapper };
    // Known before its fields are read: messages may contain themselves.
    messages.set(name, type);
    for (const line of table.split("; ").filter((part) => part !== "")) {
      const field = readField(line, tables, message);
      fields.push(field);
      byNumber.set(field.number, field);
    }
    return type;
  };
  const methods = new Map<string, readonly string[]>();
  for (const line of tables.methods) {
    const [service, name, ...types] = line.split(" ");
    methods.set(`${service}/${name}`, types);
  }
  return {
    package: tables.package,
    message,
    method(service, name) {
      const [request, response] = methods.get(`${service}/${name}`) ?? [];
      if (request === undefined || response === undefined)
        throw new Error(`${tables.package} has no method ${service}/${name}`);
      const path = `/${tables.package}.${service}/${name}`;
      return { path, request: message(request), response: message(response) };
    },
  };
}

function readField(line: string, tables: Tables, message: (name: string) => MessageType): Field {
  const [name = "", number = "", typeName = ""] = line.split(" ");
  const repeated = typeName.endsWith("[]");
  const bare = repeated ? typeName.slice(0, -2) : typeName;
  const enumNames = tables.enums[bare];
  const type = (): FieldType => {
    if (bare === "map") return { kind: "map" };
    if (SCALARS.includes(bare)) return { kind: "scalar", scalar: bare as Scalar };
    if (enumNames !== undefined) return { kind: "enum", names: enumNames.split(" ") };
    return { kind: "message", message: message(bare) };
  };
  return { name, number: Number(number), type: type(), repeated };
}
