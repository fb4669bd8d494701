// Package advparams locks neural networks in ONNX files with a key.
//
// A locked model is valid and runs everywhere, but its answers are worthless. The key restores the
// original, bit for bit. Locking needs neither training nor a GPU. There are two profiles:
//
//   - [Minimal] changes a few parameters within the range of their tensors. The gradient of a loss
//     with respect to every weight shows which parameters matter most.
//   - [Sealed] encrypts every weight. It needs no data, and holds against an attacker who has some.
//
// THREAT-MODEL.md says what a lock is worth, and against whom.
//
//	id, err := age.GenerateX25519Identity()
//	…
//	data := advparams.Data{Path: "images"}
//	key := advparams.KeyFile{Path: "model.key", Identities: []age.Identity{id}}
//	locked, err := advparams.Protect(ctx, advparams.ProtectOptions{
//		Model: "model.onnx", Data: data,
//		Locked: "locked.onnx", Key: "model.key", Recipients: []age.Recipient{id.Recipient()},
//	})
//	…
//	found, err := advparams.Verify(ctx, advparams.VerifyOptions{Locked: "locked.onnx", Key: key, Data: data})
//	…
//	original, err := advparams.Unlock(ctx, advparams.UnlockOptions{Locked: "locked.onnx", Key: key, Out: "unlocked.onnx"})
//
// # Which function do I need
//
//   - [Protect] locks a model: it writes the locked model and its key.
//   - [Unlock] turns a locked model and its key back into the original.
//   - [Open] does the same in memory, for programs that run the model. It writes no file.
//   - [Verify] measures the original, the locked and the unlocked model, and
//     compares their files with the key.
//   - [Attack] measures what an attacker regains who has the locked model and some
//     data but no key.
//   - [Inspect] describes a model or a key.
//   - [Gradients] writes the outputs and gradients of one batch to a file, and
//     [Bench] times a model.
//   - [NewIdentity] makes an identity. [Recipients] reads to whom keys are encrypted, and
//     [Identities] reads what opens them.
//
// Each function that works on a model takes a context and a struct of options. The
// zero value of an option is its default. The advparams command parses flags, calls
// these functions and prints what they return.
//
// To work with arrays rather than files, use the packages below this one: onnxio
// reads and patches ONNX files exactly, gradient computes outputs and gradients,
// dataset reads samples, task measures answers, perturb searches, key seals,
// and verify/attack attacks. Between them and this package are samples, which gets samples
// ready for a model, and minimal, the course of a lock.
//
// # Samples and tasks
//
// [Data] names a file or folder, or holds samples in memory. A few hundred samples
// with labels are enough. Without labels, the answers of the original can take their
// place (LabelsOfModel). A language model needs no labels. The task of a model is guessed
// from outputs and labels. The option Task overrides the guess.
//
// # Files
//
// The outputs of a call appear together when all of them are complete, or not at all.
// No file is replaced unless Force is set, and only its owner can read a key. Package
// onnxio/atomicfile describes what a crash can leave behind. An option whose name
// ends in To takes an io.Writer in place of a file. A call that fails writes nothing,
// unless its documentation says otherwise.
//
// # Reproducibility
//
// Equal models, samples, options and seeds give equal locked models, byte for byte, on
// any number of threads. A key holds the time it was made, which
// ProtectOptions.Created sets. Keys differ in each run, because encrypting a key draws
// random numbers.
//
// # Errors
//
// A mistake in the options is an [*OptionError], which names the field. The variables whose
// names begin with Err, such as [ErrTarget], are for errors.Is, and the types whose names end
// in Error for errors.As. Errors of the packages below are passed on. Their
// fields hold the names and numbers concerned. Some have a method Hint() string, which
// says what to do. When the context ends, a call returns the error of the context.
//
// # Compatibility
//
// Later versions read all keys that a released version wrote; docs/key-format.md
// specifies them. The commands, their flags, exit statuses and JSON keep their meaning.
// The Go API may change until version 1.0.
package advparams
