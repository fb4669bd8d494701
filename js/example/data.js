// The demo's data: images and labels in the format IDX, compressed.

const SIDE = 28;

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return unpacked(response.body);
}

/** Decompresses a stream. */
export async function unpacked(stream) {
  const plain = stream.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

/** The images of a file: 28 × 28 bytes each, 0 to 255. */
export async function images(url) {
  return cut(await fetched(url));
}

/** Cuts an IDX file into images. Its head has four numbers of 4 bytes. */
export function cut(file) {
  const out = [];
  for (let at = 16; at < file.length; at += SIDE * SIDE) out.push(file.subarray(at, at + SIDE * SIDE));
  return out;
}

/** The labels of a file, behind a head of two numbers. */
export async function labels(url) {
  return (await fetched(url)).subarray(8);
}

/** Images as the model takes them: 0 to 1. */
export function batch(samples) {
  const out = new Float32Array(samples.length * SIDE * SIDE);
  samples.forEach((s, i) =>
    out.set(
      Float32Array.from(s, (v) => v / 255),
      i * SIDE * SIDE,
    ),
  );
  return out;
}

/** The class with the highest score for each sample. */
export function digits(scores, samples) {
  const classes = scores.length / samples;
  return Array.from({ length: samples }, (_, i) => {
    const own = scores.subarray(i * classes, (i + 1) * classes);
    return own.indexOf(Math.max(...own));
  });
}
