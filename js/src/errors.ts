/** The base of all errors of this package. `hint` says what to do. */
export class AdvparamsError extends Error {
  readonly hint: string;

  constructor(problem: string, hint: string, options?: ErrorOptions) {
    super(hint ? `${problem} (${hint})` : problem, options);
    this.name = new.target.name;
    this.hint = hint;
  }
}

/** No identity, or not this passphrase, opens the key. */
export class WrongIdentity extends AdvparamsError {
  constructor(problem: string, hint = "", options?: ErrorOptions) {
    super(
      problem,
      hint || "give the identity that belongs to a recipient of the key; a damaged header looks the same",
      options,
    );
  }
}

/** The key asks for more work to try a passphrase than is allowed. */
export class TooMuchWork extends WrongIdentity {
  constructor(problem: string) {
    super(problem, "make sure that you know who made this key, then raise maxWorkFactor");
  }
}

/** The file is no key, or no longer: truncated, altered, or in contradiction with itself. */
export class DamagedKey extends AdvparamsError {
  constructor(problem: string, hint = "", options?: ErrorOptions) {
    super(
      problem,
      hint || "get the key again from where it was written: a damaged key cannot be repaired",
      options,
    );
  }
}

/** The key has a version, step or field that this package does not know. */
export class NewerKey extends DamagedKey {
  constructor(problem: string) {
    super(problem, "a newer advparams may have written it: update this package");
  }
}

/** A file is not the one that the key is for. */
export class WrongModel extends AdvparamsError {
  constructor(problem: string, hint = "", options?: ErrorOptions) {
    super(
      problem,
      hint || "give the locked model and the key that were written together, as they were written",
      options,
    );
  }
}
