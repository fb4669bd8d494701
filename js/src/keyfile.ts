// "Containers" of docs/key-format.md: key files, sealed with age or plain.

import { Decrypter, armor } from "age-encryption";
import { sha256 } from "#platform";
import { AdvparamsError, DamagedKey, NewerKey, WrongIdentity } from "./errors.js";
import { DEFAULT_WORK_FACTOR, addIdentities, workFactor, type Identity } from "./identities.js";
import { decode, emptySummary, type Payload, type Summary } from "./payload.js";
import { readAll, type Source } from "./sources.js";
import { clean, validate } from "./validate.js";
import { WireError, type Bytes } from "./wire.js";

const MAX_KEY = 1.5 * 2 ** 30;
const PLAIN = "advparams plain key";
const PLAIN_INTRO = "advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n";
const AGE = "age-encryption.org/";
const ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----";

/** A file of a model, before and after locking. Sizes are in bytes, digests in hexadecimal. */
export interface FileInfo {
  name: string;
  size: number;
  sha256: string;
  lockedName: string;
  lockedSize: number;
  lockedSha256: string;
}

/** What `inspectKey` finds. What follows `opened` is empty if that is false. */
export interface KeyInfo {
  /** Bytes of the key file. */
  size: number;
  /** Whether it is encrypted, and if so, in the text encoding of age. */
  sealed: boolean;
  armored: boolean;
  /** Types, such as X25519: a sealed key does not say who its recipients are. */
  recipients: string[];
  /** 2 to its power KiB of memory are needed to try a passphrase; 0: there is none. */
  workFactor: number;
  opened: boolean;
  formatVersion: number;
  /** The program that made the key. */
  tool: string;
  /** Seconds since 1970; 0: not recorded. */
  created: number;
  summary: Summary;
  files: FileInfo[];
  steps: number;
}

/** How keys are opened. */
export interface KeyOptions {
  /** A key may ask for 2 to this power KiB of memory to try a passphrase: 20 unless given, 1 GiB. */
  maxWorkFactor?: number;
}

/** A key that was opened. `secret` is the memory of everything in it. */
export interface OpenKey {
  payload: Payload;
  secret: Bytes;
}

/** Opens, decodes and validates a key. */
export async function openKey(
  key: Source,
  identity: Identity | readonly Identity[] | undefined,
  options: KeyOptions,
): Promise<OpenKey> {
  return open(await readKey(key), identity, options);
}

/**
 * Tells what a key says. Without an identity that is what anybody sees from outside.
 *
 * @param key - The key file: its bytes, a Blob, its armored text, or where it is.
 * @throws {@link WrongIdentity}, {@link DamagedKey}
 */
export async function inspectKey(
  key: Source,
  identity?: Identity | readonly Identity[],
  options: KeyOptions = {},
): Promise<KeyInfo> {
  const data = await readKey(key);
  const info: KeyInfo = {
    size: data.length,
    sealed: !starts(data, PLAIN),
    armored: isArmored(data),
    recipients: [],
    workFactor: 0,
    opened: false,
    formatVersion: 0,
    tool: "",
    created: 0,
    summary: emptySummary(),
    files: [],
    steps: 0,
  };
  if (info.sealed) {
    const stanzas = header(binary(data));
    info.recipients = stanzas.map((s) => s[0]);
    const scrypt = stanzas.find((s) => s[0] === "scrypt");
    if (scrypt) info.workFactor = workFactor(scrypt[2]);
    if (identity === undefined) return info;
  }
  const { payload, secret } = await open(data, identity, options);
  info.opened = true;
  info.formatVersion = payload.formatVersion;
  info.tool = payload.tool;
  info.created = payload.created;
  info.summary = payload.summary;
  info.steps = payload.steps.length;
  info.files = payload.files.map((f) => ({
    name: fileName(f.name),
    size: f.size,
    sha256: hex(f.sha256),
    lockedName: fileName(f.lockedName),
    lockedSize: f.lockedSize,
    lockedSha256: hex(f.lockedSha256),
  }));
  secret.fill(0);
  return info;
}

/** The name of a file without detours, for people and programs. */
export function fileName(name: Bytes): string {
  return new TextDecoder().decode(cleanBytes(name));
}

/** The name of a file without detours, as the file system has it. */
export function cleanBytes(name: Bytes): Bytes {
  return Uint8Array.from(clean(name)!, (c) => c.charCodeAt(0));
}

function hex(data: Uint8Array): string {
  return Array.from(data, (b) => b.toString(16).padStart(2, "0")).join("");
}

function readKey(key: Source): Promise<Bytes> {
  return readAll(key, "key", MAX_KEY, (text) => text.trimStart().startsWith(ARMOR));
}

function starts(data: Bytes, text: string): boolean {
  return ascii(data.subarray(0, text.length)) === text;
}

function ascii(data: Bytes): string {
  let out = "";
  for (let i = 0; i < data.length; i += 4096) out += String.fromCharCode(...data.subarray(i, i + 4096));
  return out;
}

function isArmored(data: Bytes): boolean {
  return ascii(data.subarray(0, 4096)).trimStart().startsWith(ARMOR);
}

/** Takes the armor off a sealed key that has it. */
function binary(data: Bytes): Bytes {
  if (isArmored(data)) {
    try {
      return armor.decode(ascii(data)) as Bytes;
    } catch (e) {
      throw new DamagedKey("damaged key: its armor is not complete, or not as age writes it", "", {
        cause: e,
      });
    }
  }
  if (starts(data, AGE)) return data;
  const what = ascii(data.subarray(0, 512)).includes("AGE-SECRET-KEY-")
    ? "this is an identity, which opens a key"
    : data.length > 0
      ? "this is no key file"
      : "the key file is empty";
  throw new DamagedKey(what, "the key is the file that was written along with the locked model");
}

/** Type and arguments of each recipient in the header of an age file. */
function header(data: Bytes): string[][] {
  const limit = Math.min(data.length, 1 << 20);
  const stanzas: string[][] = [];
  for (let at = 0; at < limit;) {
    const end = data.indexOf(0x0a, at);
    if (end < 0) break;
    const line = ascii(data.subarray(at, Math.min(end, at + 4096)));
    if (at === 0 && line !== "age-encryption.org/v1") {
      throw new NewerKey(`the key is an age file of another version, ${JSON.stringify(line)}`);
    }
    if (line.startsWith("--- ")) return stanzas;
    if (line.startsWith("-> ")) stanzas.push(line.slice(3).split(" "));
    at = end + 1;
  }
  throw new DamagedKey("damaged key: its header is cut off");
}

async function open(
  data: Bytes,
  identity: Identity | readonly Identity[] | undefined,
  options: KeyOptions,
): Promise<OpenKey> {
  const secret = starts(data, PLAIN) ? await plain(data) : await decrypt(binary(data), identity, options);
  try {
    const payload = decode(secret);
    validate(payload);
    return { payload, secret };
  } catch (e) {
    secret.fill(0);
    if (e instanceof WireError) throw new DamagedKey(`damaged key: ${e.message}`, "", { cause: e });
    throw e;
  }
}

async function plain(data: Bytes): Promise<Bytes> {
  if (!starts(data, PLAIN_INTRO)) {
    throw new DamagedKey(
      "the first line of this plain key is damaged or of another version",
      "if a newer advparams wrote it, update this package",
    );
  }
  const end = PLAIN_INTRO.length + "sha256 \n".length + 64;
  const payload = data.slice(end);
  if (ascii(data.subarray(PLAIN_INTRO.length, end)) !== `sha256 ${hex(await sha256(payload))}\n`) {
    throw new DamagedKey("the SHA-256 of this plain key does not match its content");
  }
  return payload;
}

async function decrypt(
  data: Bytes,
  identity: Identity | readonly Identity[] | undefined,
  options: KeyOptions,
): Promise<Bytes> {
  const types = header(data).map((s) => s[0]);
  const decrypter = new Decrypter();
  await addIdentities(decrypter, identity, options.maxWorkFactor ?? DEFAULT_WORK_FACTOR);
  try {
    return (await decrypter.decrypt(data)) as Bytes;
  } catch (e) {
    if (e instanceof AdvparamsError) throw e;
    if (!globalThis.crypto?.subtle && e instanceof TypeError) {
      throw new AdvparamsError(
        "this page has no WebCrypto, which identities need",
        "serve it from https or localhost, or use a passphrase",
        { cause: e },
      );
    }
    const problem = (e as Error).message;
    if (!problem.includes("no identity matched"))
      throw new DamagedKey(`damaged key: ${problem}`, "", { cause: e });
    if (types.includes("scrypt")) {
      throw new WrongIdentity("wrong or missing passphrase", "give the passphrase it was sealed with");
    }
    throw new WrongIdentity("wrong or missing identity; the key is sealed to " + types.join(", "));
  }
}
