/** `quantity("1Gi")`: resource quantities in expressions. @module */
import { messageOf } from "../../thrown.ts";
import {
  addQuantity,
  compareQuantity,
  isIntegerQuantity,
  isQuantity,
  newQuantity,
  parseQuantity,
  quantityToNumber,
  quantityValue,
  signOf,
  subQuantity,
  type Quantity,
} from "../../quantity.ts";
import { fn, type Declaration } from "../functions.ts";
import { structOf, type CelType } from "../types.ts";
import { CelError, NamedValue } from "../values.ts";

const TYPE: CelType = structOf("kubernetes.Quantity");

class QuantityValue extends NamedValue {
  readonly value: Quantity;

  constructor(value: Quantity) {
    super();
    this.value = value;
  }

  get celType(): CelType {
    return TYPE;
  }

  equals(other: NamedValue): boolean {
    return other instanceof QuantityValue && order(this, other) === 0;
  }
}

const of = (n: bigint): QuantityValue => new QuantityValue(newQuantity(n));
const order = (a: QuantityValue, b: QuantityValue): number => compareQuantity(a.value, b.value);
const plus = (a: QuantityValue, b: QuantityValue): QuantityValue =>
  new QuantityValue(addQuantity(a.value, b.value));
const minus = (a: QuantityValue, b: QuantityValue): QuantityValue =>
  new QuantityValue(subQuantity(a.value, b.value));
const sign = (q: QuantityValue): bigint => BigInt(signOf(q.value));

function parse(text: string): QuantityValue {
  try {
    return new QuantityValue(parseQuantity(text));
  } catch (cause) {
    throw new CelError(messageOf(cause), { cause });
  }
}

function asInteger({ value }: QuantityValue): bigint {
  if (!isIntegerQuantity(value)) throw new CelError("cannot convert value to integer");
  return BigInt(quantityValue(value));
}

const Q = "kubernetes.Quantity";

export const QUANTITIES: readonly Declaration[] = [
  fn("quantity", "string_to_quantity", `(string): ${Q}`, parse),
  fn("isQuantity", "is_quantity_string", "(string): bool", isQuantity),
  // Upstream documents the method and declares the function.
  fn("sign", "quantity_sign", `(${Q}): int`, sign),
  fn("sign", "quantity_sign_method", `${Q}.(): int`, sign),
  fn("isInteger", "quantity_is_integer", `${Q}.(): bool`, (q: QuantityValue) => isIntegerQuantity(q.value)),
  fn("asInteger", "quantity_get_int", `${Q}.(): int`, asInteger),
  fn("asApproximateFloat", "quantity_get_float", `${Q}.(): double`, (q: QuantityValue) =>
    quantityToNumber(q.value),
  ),
  fn("add", "quantity_add", `${Q}.(${Q}): ${Q}`, plus),
  fn("add", "quantity_add_int", `${Q}.(int): ${Q}`, (q: QuantityValue, n: bigint) => plus(q, of(n))),
  fn("sub", "quantity_sub", `${Q}.(${Q}): ${Q}`, minus),
  fn("sub", "quantity_sub_int", `${Q}.(int): ${Q}`, (q: QuantityValue, n: bigint) => minus(q, of(n))),
  fn(
    "isLessThan",
    "quantity_is_less_than",
    `${Q}.(${Q}): bool`,
    (a: QuantityValue, b: QuantityValue) => order(a, b) < 0,
  ),
  fn(
    "isGreaterThan",
    "quantity_is_greater_than",
    `${Q}.(${Q}): bool`,
    (a: QuantityValue, b: QuantityValue) => order(a, b) > 0,
  ),
  fn("compareTo", "quantity_compare_to", `${Q}.(${Q}): int`, (a: QuantityValue, b: QuantityValue) =>
    BigInt(Math.sign(order(a, b))),
  ),
];
