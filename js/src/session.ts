// Sessions of onnxruntime from locked models.

import { quieten } from "#platform";
import { AdvparamsError } from "./errors.js";
import type { Identity } from "./identities.js";
import type { ModelSource, Source } from "./sources.js";
import { unlockFiles, type UnlockOptions } from "./unlock.js";

/** What of onnxruntime-web or onnxruntime-node is needed to make a session. */
export interface Runtime<Session, Options> {
  InferenceSession: { create(model: Uint8Array, options?: Options): Promise<Session> };
}

/**
 * Returns a session of onnxruntime that runs the original of a locked model.
 *
 * @param runtime - The package, as in `import * as ort from "onnxruntime-web"`.
 * @param sessionOptions - Options of onnxruntime. Those that would have it write the plain model
 *   to a file are refused.
 *
 * Official builds of onnxruntime-node write a file of events to the user's cache and send it. This
 * sets ORT_DISABLE_TELEMETRY, which prevents it unless there was a session before.
 */
export async function session<Session, Options extends object>(
  runtime: Runtime<Session, Options>,
  model: ModelSource,
  key: Source,
  identity?: Identity | readonly Identity[],
  options: UnlockOptions = {},
  sessionOptions?: Options,
): Promise<Session> {
  if (sessionOptions && "optimizedModelFilePath" in sessionOptions && sessionOptions.optimizedModelFilePath) {
    throw new AdvparamsError("optimizedModelFilePath would write the plain model to a file", "leave it out");
  }
  quieten();
  const unlocked = await unlockFiles(model, key, identity, options);
  const externalData = Array.from(unlocked.files, ([path, data]) => ({ path, data }));
  const all = externalData.length > 0 ? { ...sessionOptions, externalData } : sessionOptions;
  return runtime.InferenceSession.create(unlocked.model, all as Options | undefined);
}
