// A session in Node.js opens no file for writing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { workshop } from "./command.js";

const exec = promisify(execFile);
const HERE = fileURLToPath(new URL("..", import.meta.url));
const PROGRAM = `
  import { createRequire } from "node:module";
  import { writeFileSync } from "node:fs";
  import * as advparams from "advparams";
  const ort = createRequire(process.cwd() + "/")("onnxruntime-node");
  const [way, ...files] = process.argv.slice(1);
  const run = await advparams.session(ort, ...files);
  const input = new ort.Tensor("float32", new Float32Array(28 * 28), [1, 1, 28, 28]);
  await run.run({ [run.inputNames[0]]: input });
  if (way !== "session") writeFileSync(way, await advparams.unlock(...files));
`;

test("no file is opened for writing", async (t) => {
  try {
    await exec("strace", ["true"]);
  } catch {
    return t.skip("no strace, or it may not trace");
  }
  const shop = await workshop(t);
  if (!shop) return;
  await shop.run("demo", "demo");
  const files = ["locked.onnx", "glyphs.key", "me.txt"].map((name) => join(shop.folder, "demo", name));

  async function opened(way) {
    const trace = join(shop.folder, "trace");
    const calls = "trace=open,openat,openat2,creat,rename,renameat,renameat2,mknod,mknodat";
    const node = [process.execPath, "--input-type=module", "-e", PROGRAM, way, ...files];
    const env = { ...process.env };
    delete env.ORT_DISABLE_TELEMETRY;
    await exec("strace", ["-f", "-qq", "-e", calls, "-o", trace, ...node], { cwd: HERE, env });
    const lines = (await readFile(trace, "utf8")).split("\n");
    assert.ok(
      lines.some((line) => line.includes("locked.onnx")),
      "the trace is empty",
    );
    const writing = lines.filter((line) =>
      /O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat\(|rename|mknod/.test(line),
    );
    return writing.filter((line) => !/"\/(proc|dev)\/|= -1 E/.test(line));
  }

  assert.deepEqual(await opened("session"), []);
  // The same trace sees a file that is written.
  const plain = join(shop.folder, "plain.onnx");
  assert.equal((await opened(plain)).filter((line) => line.includes(plain)).length, 1);
});
