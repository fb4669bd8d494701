// Classifies with a locked model, asks for its key, and classifies again.

import * as ort from "onnxruntime-web/wasm";
import { AdvparamsError, Passphrase, session } from "advparams";
import { batch, digits, images, labels } from "./data.js";

ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };
ort.env.wasm.numThreads = 1; // more need headers of the server

const SHOWN = 20;
const BATCH = 100;
const byId = (id) => document.getElementById(id);

const samples = await images("data/images.gz");
const truth = await labels("data/labels.gz");

/** What a session makes of all samples. */
async function classify(model) {
  const answers = [];
  for (let at = 0; at < samples.length; at += BATCH) {
    const part = samples.slice(at, at + BATCH);
    const input = new ort.Tensor("float32", batch(part), [part.length, 1, 28, 28]);
    const outputs = await model.run({ [model.inputNames[0]]: input });
    answers.push(...digits(outputs[model.outputNames[0]].data, part.length));
  }
  return answers;
}

function show(where, answers) {
  const right = answers.filter((a, i) => a === truth[i]).length;
  const percent = ((100 * right) / answers.length).toFixed(2);
  where.querySelector(".score").textContent = `${percent} % of ${answers.length} digits right`;
  where.querySelector("ol").replaceChildren(...answers.slice(0, SHOWN).map(item));
  where.dataset.answers = JSON.stringify(answers); // for the test
}

function item(answer, i) {
  const li = document.createElement("li");
  li.className = answer === truth[i] ? "right" : "wrong";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 28;
  const grey = Array.from(samples[i], (v) => [255 - v, 255 - v, 255 - v, 255]);
  canvas.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(grey.flat()), 28, 28), 0, 0);
  li.append(canvas, answer.toString(16).toUpperCase());
  return li;
}

byId("unlock").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [key] = byId("key").files;
  const passphrase = byId("passphrase").value;
  const identity = passphrase ? new Passphrase(passphrase) : byId("identity").value.trim();
  byId("message").textContent = "Unlocking …";
  try {
    const model = await session(ort, "locked.onnx", key, identity);
    show(byId("unlocked"), await classify(model));
    byId("message").textContent = "";
  } catch (e) {
    if (!(e instanceof AdvparamsError)) throw e;
    byId("message").textContent = e.message;
  }
});

show(byId("locked"), await classify(await ort.InferenceSession.create("locked.onnx")));
