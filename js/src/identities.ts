// Identities: where they come from, and passphrases.

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Decrypter, Identity as AgeIdentity, Stanza } from "age-encryption";
import { scrypt } from "#platform";
import { DamagedKey, TooMuchWork, WrongIdentity } from "./errors.js";
import { HAS_PATHS, readAll } from "./sources.js";

/** 2 to its power KiB of memory are allowed to try a passphrase, if nothing else is said. */
export const DEFAULT_WORK_FACTOR = 20;
const MAX_IDENTITY = 1 << 20;

/** A passphrase that a key is sealed with. */
export class Passphrase {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** An identity that tries this passphrase with at most so much work. */
  identity(maxWorkFactor: number): AgeIdentity {
    return { unwrapFileKey: (stanzas) => fileKey(this.#text, stanzas, maxWorkFactor) };
  }

  toString(): string {
    return "Passphrase(…)";
  }
}

/**
 * What opens a key: the text of an identity (`AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…`) or of
 * an identity file, such a file (in Node.js also its path), a `Passphrase`, or an identity of
 * the package age-encryption, such as one of WebAuthn or a CryptoKey.
 */
export type Identity = string | URL | Uint8Array | Blob | Passphrase | AgeIdentity | CryptoKey;

/** Adds identities to a decrypter of age. */
export async function addIdentities(
  decrypter: Decrypter,
  identity: Identity | readonly Identity[] | undefined,
  maxWorkFactor: number,
): Promise<void> {
  const all = identity === undefined ? [] : Array.isArray(identity) ? identity : [identity as Identity];
  for (const one of all) {
    if (one instanceof Passphrase) decrypter.addIdentity(one.identity(maxWorkFactor));
    else if (
      typeof one === "string" ||
      one instanceof URL ||
      one instanceof Uint8Array ||
      one instanceof Blob
    ) {
      addText(decrypter, await text(one));
    } else decrypter.addIdentity(one);
  }
}

function isIdentity(value: string): boolean {
  return /^\s*(AGE-|#|-----BEGIN )/i.test(value);
}

async function text(identity: string | URL | Uint8Array | Blob): Promise<string> {
  if (typeof identity === "string" && !HAS_PATHS && !isIdentity(identity)) {
    throw new WrongIdentity("this is no identity of age", "an identity begins with AGE-SECRET-KEY-1");
  }
  const file = await readAll(identity, "identity", MAX_IDENTITY, isIdentity);
  return new TextDecoder().decode(file);
}

/** Reads an identity file. Errors never quote it. */
function addText(decrypter: Decrypter, content: string): void {
  if (content.startsWith("age-encryption.org/") || content.includes("-----BEGIN AGE ENCRYPTED FILE")) {
    throw new WrongIdentity(
      "the identity is encrypted itself",
      "decrypt the identity file first with age -d",
    );
  }
  if (content.startsWith("-----BEGIN ")) {
    throw new WrongIdentity(
      "SSH keys are not supported in JavaScript",
      "seal the key to a recipient age1… as well, and give its identity",
    );
  }
  const lines = content.split(/\r?\n/).map((line) => line.trim());
  const secrets = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (secrets.length === 0) throw unreadable();
  for (const secret of secrets) {
    if (/^AGE-PLUGIN-/i.test(secret)) {
      throw new WrongIdentity(
        "plugins of age are not supported in JavaScript",
        "give an object with the method unwrapFileKey, or a key for another recipient",
      );
    }
    try {
      decrypter.addIdentity(secret.toUpperCase());
    } catch {
      throw unreadable();
    }
  }
}

function unreadable(): WrongIdentity {
  return new WrongIdentity(
    "the identity cannot be read",
    "identity files have a line AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…",
  );
}

/**
 * Opens the stanza of a passphrase. age-encryption could do so too, but not without keeping a
 * page from drawing for a second, and not with another limit.
 */
async function fileKey(
  passphrase: string,
  stanzas: Stanza[],
  maxWorkFactor: number,
): Promise<Uint8Array | null> {
  const stanza = stanzas.find((s) => s.args[0] === "scrypt");
  if (!stanza) return null;
  const [, salt64, work, ...more] = stanza.args;
  if (stanzas.length > 1 || more.length > 0 || stanza.body.length !== 32) {
    throw new DamagedKey("damaged key: a passphrase is never one of several recipients");
  }
  const logN = workFactor(work);
  if (logN > maxWorkFactor) {
    throw new TooMuchWork(
      `the key asks for 2^${logN} KiB of memory to try a passphrase; 2^${maxWorkFactor} KiB are allowed`,
    );
  }
  if (!/^[A-Za-z0-9+/]{22}$/.test(salt64 ?? ""))
    throw new DamagedKey("damaged key: its salt has not 16 bytes");
  const label = "age-encryption.org/v1/scrypt";
  const salt = Uint8Array.from(label + atob(salt64), (c) => c.charCodeAt(0));
  const wrapping = await scrypt(new TextEncoder().encode(passphrase), salt, logN);
  try {
    return chacha20poly1305(wrapping, new Uint8Array(12)).decrypt(stanza.body);
  } catch {
    return null;
  } finally {
    wrapping.fill(0);
  }
}

/** Reads the work factor of a passphrase: no sign, no zero in front. */
export function workFactor(text: string | undefined): number {
  if (!/^[1-9][0-9]?$/.test(text ?? "")) throw new DamagedKey("damaged key: its work factor is no number");
  return Number(text);
}
