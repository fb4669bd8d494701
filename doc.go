// Package advparams locks neural networks in ONNX files with a key.
//
// A locked model is valid and runs everywhere, but its answers are worthless. The
// key gives back the original, bit for bit. Locking takes neither training nor a
// GPU: the gradient of a loss with respect to every weight says which few
// parameters matter most, and these get other values inside their tensor's range.
//
// # Which function do I need
//
//   - Protect locks a model: it writes the locked model and its key.
//   - Unlock turns the locked model and the key back into the original.
//   - Verify measures the original, the locked and the unlocked model, and
//     compares their bytes with the key.
//   - Attack measures what somebody with the locked model and some data, but not
//     the key, can make of it.
//
// Each takes a context and a struct of options whose zero value stands for the
// defaults. The command advparams does nothing that these functions do not do.
//
// The packages below do the work and can be used alone: onnxio reads and patches
// ONNX files exactly, gradient computes outputs and gradients by initializer, task
// knows what models are for, dataset reads samples, perturb searches, key seals,
// verify and verify/attack measure.
//
// # Files
//
// Models, keys and reports are written under temporary names in the folder they
// belong to, and appear together when everything is complete, or not at all. A file
// that exists is replaced only with Force. Keys are readable for their owner only.
// Package onnxio/atomicfile describes what a crash can leave behind. Options that
// end in To take an io.Writer in place of a file.
//
// # Reproducibility
//
// Nothing depends on the clock or on the number of threads. The same model, samples,
// options and seeds give the same locked model, byte for byte. Keys name the time they
// were made (ProtectOptions.Created), and sealing draws random numbers.
//
// # Errors
//
// Mistakes in options are *OptionError, which names the field. Others are told apart
// with errors.Is: ErrTarget, ErrIdentity, ErrDamaged, ErrMismatch, ErrRecord,
// ErrUnsupported and ErrExists. When the context ends, its error is returned. After
// an error nothing has been written, except where a function says so.
//
// # Compatibility
//
// Keys written by a released version are read by all later ones;
// docs/key-format.md is their specification. The flags and exit statuses of the
// command, and the fields of its JSON, keep their meaning. The Go API may change
// until version 1.0.
package advparams
