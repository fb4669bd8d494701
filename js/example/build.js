// Builds the page into example/dist from what `advparams demo FOLDER` made:
//
//     node example/build.js FOLDER
//     node example/serve.js

import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const RUNTIME = "ort-wasm-simd-threaded.wasm";

/** Builds the page from a folder of the demo into another folder. */
export async function buildPage(demo, out) {
  await mkdir(join(out, "data"), { recursive: true });
  await build({
    entryPoints: [join(HERE, "main.js")],
    bundle: true,
    format: "esm",
    target: "es2022",
    outdir: out,
    minify: true,
    logLevel: "warning",
  });
  const runtime = fileURLToPath(import.meta.resolve(`onnxruntime-web/${RUNTIME}`));
  const copies = [
    [join(HERE, "index.html"), "index.html"],
    [join(HERE, "style.css"), "style.css"],
    [runtime, RUNTIME],
    [join(demo, "locked.onnx"), "locked.onnx"],
    [join(demo, "data", "t10k-images-idx3-ubyte.gz"), "data/images.gz"],
    [join(demo, "data", "t10k-labels-idx1-ubyte.gz"), "data/labels.gz"],
  ];
  for (const [from, to] of copies) await copyFile(from, join(out, to));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.length !== 3) {
    console.error("usage: node example/build.js FOLDER, which `advparams demo FOLDER` made");
    process.exit(2);
  }
  await buildPage(process.argv[2], join(HERE, "dist"));
}
