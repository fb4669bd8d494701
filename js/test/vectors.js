// The index of testdata/vectors.

import { readFile } from "node:fs/promises";

export const VECTORS = new URL("../../testdata/vectors/", import.meta.url);

/** The vectors about keys, with paths from VECTORS. */
export const vectors = [];
for (const folder of ["keys", "damaged-keys"]) {
  const index = JSON.parse(await readFile(new URL(`${folder}/index.json`, VECTORS), "utf8"));
  if (index.version !== 2) throw new Error(`${folder}/index.json has version ${index.version}`);
  for (const v of index.vectors) {
    const path = (name) => name && new URL(`${folder}/${name}`, VECTORS).href.slice(VECTORS.href.length);
    const files = { locked: path(v.locked), key: path(v.key), identity: path(v.identity) };
    vectors.push({ ...v, ...files, name: `${folder}/${v.name}` });
  }
}

/** The name of the error that a class of the index stands for. */
export const CLASSES = {
  damaged: "DamagedKey",
  identity: "WrongIdentity",
  mismatch: "WrongModel",
  missing: "WrongModel",
  result: "DamagedKey",
  version: "NewerKey",
  work: "TooMuchWork",
};

/** Types of recipients that this package does not know. */
export const UNKNOWN = ["ssh-ed25519", "ssh-rsa"];
