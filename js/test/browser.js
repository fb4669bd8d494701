// Chromium without a window. Tests that need it are skipped without it.

import { access, constants } from "node:fs/promises";
import { chromium } from "playwright-core";

const OPTIONS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the browser of the variable CHROMIUM or /usr/bin/chromium, with more options. */
export async function browser(t, ...more) {
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  try {
    await access(executablePath, constants.X_OK);
  } catch {
    t.skip("no Chromium");
    return undefined;
  }
  const started = await chromium.launch({ executablePath, args: [...OPTIONS, ...more] });
  t.after(() => started.close());
  return started;
}
