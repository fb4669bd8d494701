// External data in a model: its file names. This knows no more of ONNX than in which fields of
// which messages tensors are.

import { BYTES, WireError, fields, type Bytes } from "./wire.js";

type Message = "model" | "graph" | "node" | "attribute" | "tensor" | "sparse" | "function" | "training";

const INSIDE: Record<Message, Record<number, Message>> = {
  model: { 7: "graph", 20: "training", 25: "function" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  tensor: {},
  sparse: { 1: "tensor", 2: "tensor" },
  function: { 7: "node", 11: "attribute" },
  training: { 1: "graph", 2: "graph" },
};
const EXTERNAL_DATA = 13;
const DEEPEST = 200;

/** The names of data files as a model has them. A file that is not ONNX has none. */
export function locations(model: Bytes): Bytes[] {
  const found: Bytes[] = [];
  try {
    collect(model, "model", 0, found);
  } catch (e) {
    if (!(e instanceof WireError)) throw e;
    return [];
  }
  return found;
}

function collect(data: Bytes, message: Message, depth: number, found: Bytes[]): void {
  if (depth > DEEPEST) throw new WireError("the model is nested too deeply");
  for (const f of fields(data)) {
    if (f.wire !== BYTES) continue;
    if (message === "tensor") {
      if (f.number === EXTERNAL_DATA) location(f.bytes, found);
      continue;
    }
    const inside = INSIDE[message][f.number];
    if (inside) collect(f.bytes, inside, depth + 1, found);
  }
}

/** An entry of external data: a text by the name of another. */
function location(entry: Bytes, found: Bytes[]): void {
  let [name, value]: Bytes[] = [new Uint8Array(0), new Uint8Array(0)];
  for (const f of fields(entry)) {
    if (f.number === 1 && f.wire === BYTES) name = f.bytes;
    if (f.number === 2 && f.wire === BYTES) value = f.bytes;
  }
  if (new TextDecoder().decode(name) === "location") found.push(value);
}
