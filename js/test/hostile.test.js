// Keys and models from somebody who means harm: an error of this package, and soon.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as advparams from "advparams";
import { generator } from "./plainkey.js";
import { VECTORS } from "./vectors.js";

const INTRO = "advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n";
const FOLDERS = ["patches", "flip", "float32", "damped", "varints-int32", "external", "twice", "tensors"];
const folder = (name) => new URL(`keys/${name}/`, VECTORS);

function plain(payload) {
  const digest = createHash("sha256").update(payload).digest("hex");
  return Buffer.concat([Buffer.from(`${INTRO}sha256 ${digest}\n`), payload]);
}

function mutated(original, random) {
  let data = [...original];
  for (let n = 1 + random(3); n > 0; n--) {
    const at = random(data.length);
    const kind = random(4);
    if (kind === 0) data[at] ^= 1 << random(8);
    else if (kind === 1) data[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)];
    else if (kind === 2) data.splice(at, 1 + random(9));
    else
      data.splice(at, 0, ...[[255, 255, 255, 255, 255, 255, 255, 255, 255, 1], [0, 0, 0], [128]][random(3)]);
  }
  return Buffer.from(data);
}

for (const name of FOLDERS) {
  test(`whatever is in a key, it is refused or gives the original: ${name}`, async () => {
    const key = await readFile(new URL("model.key", folder(name)));
    const payload = key.subarray(INTRO.length + "sha256 \n".length + 64);
    const model = new URL("locked.onnx", folder(name));
    const want = await advparams.unlockFiles(model, plain(payload));
    const random = generator(name.length);
    let refused = 0;
    for (let n = 0; n < 300; n++) {
      let got;
      try {
        got = await advparams.unlockFiles(model, plain(mutated(payload, random)));
      } catch (e) {
        assert.ok(e instanceof advparams.AdvparamsError && e.hint, e.stack);
        refused++;
        continue;
      }
      assert.ok(Buffer.from(want.model).equals(got.model));
      assert.deepEqual([...got.files.values()], [...want.files.values()]);
    }
    assert.ok(refused > 100);
  });
}

test("data files that are links, or no files", async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), "advparams-"));
  t.after(() => rm(scratch, { recursive: true }));
  await cp(folder("external"), scratch, { recursive: true });
  const [locked, key] = [join(scratch, "locked.onnx"), join(scratch, "model.key")];
  const data = join(scratch, (await advparams.inspectKey(key)).files[1].lockedName);
  const elsewhere = join(scratch, "elsewhere");
  await rename(data, elsewhere);
  // Caches of models have links.
  await symlink(elsewhere, data);
  assert.ok((await advparams.unlockFiles(locked, key)).files.size > 0);
  for (const target of ["/dev/zero", "/etc/passwd", scratch]) {
    await rm(data);
    await symlink(target, data);
    await assert.rejects(advparams.unlockFiles(locked, key), advparams.WrongModel, target);
  }
  await rm(data);
  if (process.platform === "win32") return;
  execFileSync("mkfifo", [data]);
  await assert.rejects(advparams.unlockFiles(locked, key), advparams.WrongModel);
});
