// Serves a folder on this machine only: example/dist on port 8000 unless another is given.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves folders by the first part of the path, "" for all others. Returns the server. */
export async function serve(folders, port) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const first = path.split("/")[1];
    const inside = first !== "" && first in folders;
    const rest = inside ? path.slice(first.length + 1) : path;
    try {
      const name = rest === "/" ? "index.html" : rest;
      const content = await readFile(join(folders[inside ? first : ""], name));
      response.setHeader("content-type", TYPES[extname(name)] ?? "application/octet-stream");
      response.end(content);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2] ?? 8000);
  await serve({ "": fileURLToPath(new URL("dist", import.meta.url)) }, port);
  console.log(`http://localhost:${port}`);
}
