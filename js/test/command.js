// Locks that the command advparams makes. Tests that need it are skipped without Go.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const exec = promisify(execFile);

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A folder of its own for a test, and the command in it; undefined without the command and Go. */
export async function workshop(t) {
  const folder = await mkdtemp(join(tmpdir(), "advparams-"));
  t.after(() => rm(folder, { recursive: true }));
  let command = process.env.ADVPARAMS_COMMAND;
  if (!command) {
    command = join(folder, "advparams");
    try {
      await exec(process.env.GO ?? "go", ["build", "-o", command, "./cmd/advparams"], { cwd: ROOT });
    } catch (e) {
      if (e.code !== "ENOENT") throw e;
      t.skip("no Go to build the command with");
      return undefined;
    }
  }
  const run = (...args) => exec(command, args, { cwd: folder });
  return { folder, run };
}

/** Makes an identity in me.txt, and returns its recipient. */
export async function keygen({ folder, run }) {
  await run("keygen", "-o", "me.txt");
  const text = await readFile(join(folder, "me.txt"), "utf8");
  return /public key: (age1\w+)/.exec(text)[1];
}
