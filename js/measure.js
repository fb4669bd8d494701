// Measures how fast models are unlocked, beside SHA-256 of the same bytes in the same run:
//
//     npm run measure [-- megabytes]
//
// Medians of five. Processor time is that of the whole process, with the threads of WebCrypto;
// on a busy machine it means more than the time that passed.

import { createHash } from "node:crypto";
import { cpus, loadavg } from "node:os";
import { unlock } from "advparams";
import { data, number, plainKey, sealedFile } from "./test/plainkey.js";
import { encoded } from "./dist/wire.js";

const ROUNDS = 5;
const megabytes = Number(process.argv[2] ?? 100);
const sealed = await sealedFile(Math.round((megabytes * 1e6) / 4));
const size = sealed.original.length;

// A minimal lock: the signs of ten elements.
const changed = Buffer.from(sealed.original);
for (let i = 0; i < 10; i++) changed[4000 * i + 3] ^= 0x80;
const patch = [
  number(4, 4),
  number(5, 4),
  data(6, [0], ...Array(9).fill(encoded(1000))),
  number(8, 0x80000000),
];
const minimal = plainKey(2, sealed.original, changed, data(7, ...patch));

const ways = {
  "SHA-256 of the file": async () => createHash("sha256").update(sealed.locked).digest(),
  "unlock, minimal lock": () => unlock(changed, minimal),
  "unlock, sealed": () => unlock(sealed.locked, sealed.key),
};
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const wall = {};
const work = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [way, run] of Object.entries(ways)) {
    global.gc?.();
    const [started, busy] = [performance.now(), process.cpuUsage()];
    await run();
    (wall[way] ??= []).push(performance.now() - started);
    const { user, system } = process.cpuUsage(busy);
    (work[way] ??= []).push((user + system) / 1000);
  }
}
console.log(`${(size / 1e6).toFixed(0)} MB, ${cpus().length} processors, load ${loadavg()[0].toFixed(0)}`);
const speed = (ms) => `${(size / 1e3 / ms).toFixed(0).padStart(5)} MB/s`;
const [base] = Object.keys(ways);
const [baseWall, baseWork] = [median(wall[base]), median(work[base])];
for (const way of Object.keys(ways)) {
  const [w, b] = [median(wall[way]), median(work[way])];
  const ratios = [w / baseWall, b / baseWork].map((r) => `${r.toFixed(1)}×`.padStart(6));
  console.log(`${way.padEnd(22)} ${speed(w)} ${ratios[0]}   processor time ${speed(b)} ${ratios[1]}`);
}
