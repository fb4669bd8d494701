// Sessions of onnxruntime on unlocked models give what they give on the originals, bit for bit.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as advparams from "advparams";
import { ROOT, keygen, workshop } from "./command.js";

const require = createRequire(import.meta.url);
// Both packages share a list of providers, so that those of one would run in the other's name.
const RUNTIMES = [];
for (const [name, provider] of [
  ["onnxruntime-node", "cpu"],
  ["onnxruntime-web", "wasm"],
]) {
  try {
    RUNTIMES.push([require(name), provider]);
  } catch (e) {
    console.log(`${name} cannot be loaded: ${e.message}`);
  }
}

// Convolutions with batch normalisation, weights in Constant nodes, and weights in a data file. Inputs have samples on axis 0.
const MODELS = ["conv_batchnorm__ts", "constant_weights__onnx", "external_data__onnx"];
const MINIMAL = ["--data", "none", "--task", "outputs", "--target-accuracy", "0.6", "--samples", "64"];
const LEVELS = ["disabled", "basic", "extended", "all"];

/** The same tensors in every run. */
function tensors(ort, session) {
  const feeds = {};
  for (const input of session.inputMetadata) {
    assert.equal(input.type, "float32");
    const shape = input.shape.map((d) => (typeof d === "number" && d > 0 ? d : 2));
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7));
    feeds[input.name] = new ort.Tensor("float32", data, shape);
  }
  return feeds;
}

async function outputs(ort, session) {
  const got = await session.run(tensors(ort, session));
  await session.release();
  return session.outputNames.map((n) =>
    Buffer.from(new Uint8Array(got[n].data.buffer, got[n].data.byteOffset, got[n].data.byteLength)),
  );
}

test("there is a runtime", (t) => {
  if (RUNTIMES.length === 0) t.skip("no onnxruntime");
});

for (const name of MODELS) {
  for (const profile of ["minimal", "sealed"]) {
    test(`${name}, ${profile}`, async (t) => {
      const shop = await workshop(t);
      if (!shop) return;
      const recipient = await keygen(shop);
      const original = join(ROOT, "testdata", "corpus", `${name}.onnx`);
      const how = profile === "sealed" ? ["--profile", "sealed"] : MINIMAL;
      await shop.run("protect", original, "-o", "locked.onnx", "--key", "model.key", "-r", recipient, ...how);
      const [locked, key, identity] = ["locked.onnx", "model.key", "me.txt"].map((f) => join(shop.folder, f));
      const unlocked = await advparams.unlockFiles(locked, key, identity);
      assert.ok((await readFile(original)).equals(unlocked.model));
      for (const [file, data] of unlocked.files) {
        assert.ok((await readFile(join(ROOT, "testdata", "corpus", file))).equals(data));
      }
      const data = { plain: [], locked: [] };
      for (const file of (await advparams.inspectKey(key, identity)).files.slice(1)) {
        data.plain.push({ path: file.name, data: unlocked.files.get(file.name) });
        data.locked.push({ path: file.lockedName, data: await readFile(join(shop.folder, file.lockedName)) });
      }
      for (const [ort, provider] of RUNTIMES) {
        for (const graphOptimizationLevel of LEVELS) {
          const options = { graphOptimizationLevel, executionProviders: [provider], logSeverityLevel: 3 };
          const from = async (path, externalData) => {
            const all = externalData.length > 0 ? { ...options, externalData } : options;
            return outputs(ort, await ort.InferenceSession.create(await readFile(path), all));
          };
          const want = await from(original, data.plain);
          const got = await outputs(ort, await advparams.session(ort, locked, key, identity, {}, options));
          const where = `${provider}, ${graphOptimizationLevel}`;
          assert.deepEqual(got, want, where);
          assert.notDeepEqual(await from(locked, data.locked), want, `${where}, locked`);
        }
      }
    });
  }
}

test("options that write the plain model are refused", async () => {
  const folder = join(ROOT, "testdata", "vectors", "keys", "float32");
  const options = { optimizedModelFilePath: "plain.onnx" };
  const made = advparams.session(
    {},
    join(folder, "locked.onnx"),
    join(folder, "model.key"),
    undefined,
    {},
    options,
  );
  await assert.rejects(made, /would write the plain model/);
});
