// Opens locked models.

import { AdvparamsError, DamagedKey, WrongModel } from "./errors.js";
import type { Identity } from "./identities.js";
import { cleanBytes, fileName, openKey, type KeyOptions, type OpenKey } from "./keyfile.js";
import { locations } from "./onnx.js";
import { restore, stream } from "./restore.js";
import { dataInput, input, type DataFiles, type Input, type ModelSource, type Source } from "./sources.js";
import { clean } from "./validate.js";
import type { Bytes } from "./wire.js";

/** How a model is unlocked. */
export interface UnlockOptions extends KeyOptions {
  /**
   * The locked data files of a model with external data, by their names in the key. Without
   * them, they are looked for beside a model that is a path or an address.
   */
  files?: DataFiles;
}

/** An original, bit for bit, in memory. */
export interface UnlockedModel {
  /** The name that the model file had before it was locked. */
  name: string;
  model: Uint8Array;
  /** Its external data files by name, relative to the model's folder, with slashes. */
  files: Map<string, Uint8Array>;
}

/**
 * Returns the original of a locked model in one file.
 *
 * @param model - The locked model: bytes, Blob, stream, or where it is.
 * @param key - The key file, which was written along with it.
 * @param identity - What opens the key. A plain key needs none.
 * @throws {@link WrongIdentity}, {@link DamagedKey}, {@link WrongModel}, each with a `hint`.
 *   What the system says of files that cannot be read is thrown as it is.
 */
export async function unlock(
  model: ModelSource,
  key: Source,
  identity?: Identity | readonly Identity[],
  options: UnlockOptions = {},
): Promise<Uint8Array> {
  const opened = await openModel(model, key, identity, options);
  try {
    if (opened.files.length > 1) {
      throw new AdvparamsError(
        `the model has ${opened.files.length - 1} external data files`,
        "unlockFiles returns all of them, session runs the model",
      );
    }
    return await opened.files[0].bytes();
  } finally {
    opened.close();
  }
}

/** Returns the original of a locked model with its external data files. See `unlock`. */
export async function unlockFiles(
  model: ModelSource,
  key: Source,
  identity?: Identity | readonly Identity[],
  options: UnlockOptions = {},
): Promise<UnlockedModel> {
  const opened = await openModel(model, key, identity, options);
  try {
    const [first, ...others] = opened.files;
    const unlocked: UnlockedModel = { name: first.name, model: await first.bytes(), files: new Map() };
    for (const file of others) unlocked.files.set(file.name, await file.bytes());
    return unlocked;
  } finally {
    opened.close();
  }
}

/** Opens a key, so that the files of a locked model can be read one by one, as streams too. */
export async function openModel(
  model: ModelSource,
  key: Source,
  identity?: Identity | readonly Identity[],
  options: UnlockOptions = {},
): Promise<LockedModel> {
  if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) {
    throw new AdvparamsError("this processor is big-endian", "unlock on another machine");
  }
  return new LockedModel(model, await openKey(key, identity, options), options.files);
}

/** A locked model whose key is open. */
export class LockedModel {
  /** The model file first, then its external data files. */
  readonly files: readonly LockedFile[];
  #key: OpenKey | undefined;
  #model: Promise<Bytes> | undefined;

  /** @internal */
  constructor(
    private readonly source: ModelSource,
    key: OpenKey,
    private readonly dataFiles: DataFiles | undefined,
  ) {
    this.#key = key;
    this.files = key.payload.files.map((f, i) => new LockedFile(this, i, fileName(f.name), f.size));
  }

  /** Overwrites the key in memory. Files cannot be read from then on. */
  close(): void {
    this.#key?.secret.fill(0);
    this.#key = undefined;
    this.#model = undefined;
  }

  /** @internal */
  async bytes(index: number): Promise<Bytes> {
    if (index === 0 && this.files.length > 1) return (await this.modelFile()).slice() as Bytes;
    if (index > 0) await this.checkName(index);
    return restore(this.key().payload, index, await this.open(index));
  }

  /** @internal */
  async *parts(index: number): AsyncGenerator<Bytes> {
    if (index === 0 && this.files.length > 1) {
      yield (await this.modelFile()).slice() as Bytes;
      return;
    }
    if (index > 0) await this.checkName(index);
    yield* stream(this.key().payload, index, await this.open(index));
  }

  private key(): OpenKey {
    if (!this.#key) throw new AdvparamsError("this model was closed", "open it again");
    return this.#key;
  }

  private async open(index: number): Promise<Input> {
    const raw = cleanBytes(this.key().payload.files[index].lockedName);
    try {
      if (index === 0) return await input(this.source, "the model");
      return await dataInput(this.source, this.dataFiles, new TextDecoder().decode(raw), raw);
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== "ENOENT") throw e;
      throw new WrongModel(
        `${(e as NodeJS.ErrnoException).path} does not exist`,
        "check the path; data files belong beside the locked model",
        { cause: e },
      );
    }
  }

  /** The model file of a model with data files, which is small without its data. */
  private modelFile(): Promise<Bytes> {
    this.#model ??= this.open(0).then((from) => restore(this.key().payload, 0, from));
    return this.#model;
  }

  /** Refuses a data file that the original does not refer to: a key may be anybody's. */
  private async checkName(index: number): Promise<void> {
    const { payload } = this.key();
    const names = locations(await this.modelFile()).map(clean);
    if (names.includes(clean(payload.files[index].name))) return;
    throw new DamagedKey(
      `the key has the data file ${JSON.stringify(this.files[index].name)}, which the original does not refer to`,
    );
  }
}

/** A file of a locked model. */
export class LockedFile {
  /** @internal */
  constructor(
    private readonly of: LockedModel,
    private readonly index: number,
    /** Its name before it was locked, relative to the model's folder, with slashes. */
    readonly name: string,
    /** Its size before it was locked, in bytes. */
    readonly size: number,
  ) {}

  /** Returns the original. */
  bytes(): Promise<Uint8Array> {
    return this.of.bytes(this.index);
  }

  /**
   * Returns the original as a stream, in memory that does not grow with the file. The stream
   * fails at its end if what came out is not the original: until it has ended, nothing of it
   * may be relied on.
   */
  stream(): ReadableStream<Uint8Array> {
    const parts = this.of.parts(this.index);
    return new ReadableStream<Uint8Array>(
      {
        async pull(to) {
          const { done, value } = await parts.next();
          if (done) to.close();
          else to.enqueue(value);
        },
        async cancel() {
          await parts.return(undefined);
        },
      },
      { highWaterMark: 1 },
    );
  }
}
