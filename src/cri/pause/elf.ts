/**
 * The pause program: the first process of every pod. It waits, buries orphaned children, and ends with 0 on
 * SIGINT or SIGTERM. Written as machine code here so that no image needs to be downloaded.
 *
 * It blocks its three signals and waits for them with rt_sigtimedwait: a blocked signal reaches even the first
 * process of a PID namespace, which would otherwise never see one that has no handler.
 * @module
 */

export type PauseArchitecture = "amd64" | "arm64";

const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
/** As the kernel has signal sets: bit n-1 for signal n. */
const SIGNAL_SET = (1n << BigInt(SIGINT - 1)) | (1n << BigInt(SIGTERM - 1)) | (1n << BigInt(SIGCHLD - 1));
const SIGNAL_SET_BYTES = 8;

const LOAD_ADDRESS = 0x400000n;
/** Of the largest pages that arm64 kernels use. */
const SEGMENT_ALIGNMENT = 0x10000n;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const CODE_OFFSET = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;

/** A static ELF executable; the same bytes on every call. */
export function pauseElf(architecture: PauseArchitecture): Uint8Array {
  const set = Buffer.alloc(SIGNAL_SET_BYTES);
  set.writeBigUInt64LE(SIGNAL_SET);
  const program = architecture === "amd64" ? amd64() : arm64();
  const body = assemble([...program, { label: "set" }, [...set]]);
  return Buffer.concat([headers(architecture, CODE_OFFSET + body.length), body]);
}

function headers(architecture: PauseArchitecture, fileSize: number): Buffer {
  const bytes = Buffer.alloc(CODE_OFFSET);
  // \x7fELF, 64 bits, little-endian, version 1.
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16); // executable
  bytes.writeUInt16LE(architecture === "amd64" ? 0x3e : 0xb7, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(LOAD_ADDRESS + BigInt(CODE_OFFSET), 24); // entry
  bytes.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32); // program headers
  bytes.writeUInt16LE(ELF_HEADER_BYTES, 52);
  bytes.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  bytes.writeUInt16LE(1, 56); // one program header
  const segment = bytes.subarray(ELF_HEADER_BYTES);
  segment.writeUInt32LE(1, 0); // load
  segment.writeUInt32LE(5, 4); // readable, executable
  segment.writeBigUInt64LE(LOAD_ADDRESS, 16);
  segment.writeBigUInt64LE(LOAD_ADDRESS, 24);
  segment.writeBigUInt64LE(BigInt(fileSize), 32);
  segment.writeBigUInt64LE(BigInt(fileSize), 40);
  segment.writeBigUInt64LE(SEGMENT_ALIGNMENT, 48);
  return bytes;
}

/** A place to jump to, bytes, or bytes that depend on where a label is. */
type Item =
  | { readonly label: string }
  | readonly number[]
  | {
      readonly to: string;
      readonly size: number;
      /** `distance` counts from the item's first byte. */
      readonly encode: (distance: number) => readonly number[];
    };

function assemble(items: readonly Item[]): Buffer {
  const labels = new Map<string, number>();
  const sizeOf = (item: Item): number => ("label" in item ? 0 : "size" in item ? item.size : item.length);
  let at = 0;
  for (const item of items) {
    if ("label" in item) labels.set(item.label, at);
    at += sizeOf(item);
  }
  const bytes: number[] = [];
  for (const item of items) {
    if ("label" in item) continue;
    if ("size" in item) bytes.push(...item.encode((labels.get(item.to) ?? Number.NaN) - bytes.length));
    else bytes.push(...item);
  }
  return Buffer.from(bytes);
}

function amd64(): readonly Item[] {
  const syscall = [0x0f, 0x05];
  const setEax = (value: number): number[] => [0xb8, ...int32(value)];
  const setSize = [0x41, 0xba, ...int32(SIGNAL_SET_BYTES)]; // mov r10d, 8
  const loadAddress = (register: number, to: string): Item => ({
    to,
    size: 7,
    encode: (distance) => [0x48, 0x8d, register, ...int32(distance - 7)],
  });
  const [rsi, rdi, always, ifEqual, ifGreater] = [0x35, 0x3d, 0xeb, 0x74, 0x7f];
  return [
    setEax(14), // rt_sigprocmask
    [0x31, 0xff], // xor edi, edi: SIG_BLOCK
    loadAddress(rsi, "set"),
    [0x31, 0xd2], // xor edx, edx
    setSize,
    syscall,
    { label: "wait" },
    setEax(128), // rt_sigtimedwait
    loadAddress(rdi, "set"),
    [0x31, 0xf6], // xor esi, esi
    [0x31, 0xd2], // xor edx, edx: for ever
    setSize,
    syscall,
    [0x83, 0xf8, SIGCHLD], // cmp eax
    shortJump(ifEqual, "reap"),
    [0x83, 0xf8, SIGINT],
    shortJump(ifEqual, "exit"),
    [0x83, 0xf8, SIGTERM],
    shortJump(ifEqual, "exit"),
    shortJump(always, "wait"),
    { label: "reap" },
    setEax(61), // wait4
    [0x48, 0x83, 0xcf, 0xff], // or rdi, -1: any child
    [0x31, 0xf6], // xor esi, esi
    [0xba, ...int32(1)], // mov edx, WNOHANG
    [0x4d, 0x31, 0xd2], // xor r10, r10
    syscall,
    [0x85, 0xc0], // test eax, eax
    shortJump(ifGreater, "reap"),
    shortJump(always, "wait"),
    { label: "exit" },
    setEax(60), // exit
    [0x31, 0xff], // xor edi, edi
    syscall,
  ];
}

function arm64(): readonly Item[] {
  const set = (register: number, value: number): number[] => word(0xd2800000 | (value << 5) | register);
  const compareX0 = (value: number): number[] => word(0xf100001f | (value << 10));
  const syscall = (number: number): number[] => [...set(8, number), ...word(0xd4000001)];
  const relative = (to: string, encode: (distance: number) => number): Item => ({
    to,
    size: 4,
    encode: (distance) => word(encode(distance)),
  });
  const loadAddress = (register: number, to: string): Item =>
    relative(to, (d) => 0x10000000 | ((d & 3) << 29) | (((d >> 2) & 0x7ffff) << 5) | register);
  const jumpIf = (condition: number, to: string): Item =>
    relative(to, (d) => 0x54000000 | (((d >> 2) & 0x7ffff) << 5) | condition);
  const jump = (to: string): Item => relative(to, (d) => 0x14000000 | ((d >> 2) & 0x3ffffff));
  const [equal, greater] = [0x0, 0xc];
  return [
    set(0, 0), // SIG_BLOCK
    loadAddress(1, "set"),
    set(2, 0),
    set(3, SIGNAL_SET_BYTES),
    syscall(135), // rt_sigprocmask
    { label: "wait" },
    loadAddress(0, "set"),
    set(1, 0),
    set(2, 0), // for ever
    set(3, SIGNAL_SET_BYTES),
    syscall(137), // rt_sigtimedwait
    compareX0(SIGCHLD),
    jumpIf(equal, "reap"),
    compareX0(SIGINT),
    jumpIf(equal, "exit"),
    compareX0(SIGTERM),
    jumpIf(equal, "exit"),
    jump("wait"),
    { label: "reap" },
    word(0x92800000), // movn x0, 0: any child
    set(1, 0),
    set(2, 1), // WNOHANG
    set(3, 0),
    syscall(260), // wait4
    compareX0(0),
    jumpIf(greater, "reap"),
    jump("wait"),
    { label: "exit" },
    set(0, 0),
    syscall(93), // exit
  ];
}

/** amd64: opcode and one byte of distance. */
function shortJump(opcode: number, to: string): Item {
  return { to, size: 2, encode: (distance) => [opcode, (distance - 2) & 0xff] };
}

/** arm64: one instruction. */
function word(value: number): number[] {
  return [...int32(value | 0)];
}

function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
