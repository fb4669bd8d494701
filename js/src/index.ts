/**
 * Unlocks ONNX models that AdvParams locked, in memory.
 *
 * ```ts
 * import * as ort from "onnxruntime-web";
 * import { session } from "advparams";
 *
 * const run = await session(ort, "locked.onnx", "model.key", identity);
 * ```
 *
 * @packageDocumentation
 */

export { AdvparamsError, DamagedKey, NewerKey, TooMuchWork, WrongIdentity, WrongModel } from "./errors.js";
export { DEFAULT_WORK_FACTOR, Passphrase, type Identity } from "./identities.js";
export { inspectKey, type FileInfo, type KeyInfo, type KeyOptions } from "./keyfile.js";
export { LATEST_FORMAT, type Summary } from "./payload.js";
export { session, type Runtime } from "./session.js";
export type { DataFiles, ModelSource, Source } from "./sources.js";
export {
  LockedFile,
  LockedModel,
  openModel,
  unlock,
  unlockFiles,
  type UnlockOptions,
  type UnlockedModel,
} from "./unlock.js";
