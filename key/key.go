// Package key writes and reads the sidecar of a locked model: what
// onnxio.Restore needs to give back the original bytes, sealed with age.
//
// A key holds the name, size and SHA-256 of each file before and after locking
// and either the original bits of every changed element or steps, such as the seed that
// every weight was encrypted with. Its payload is the protobuf
// message of keypb/key.proto. Seal encrypts it to age recipients (public keys,
// SSH keys or a passphrase); WritePlain writes it in clear behind a digest.
// Read takes either, binary or armored. docs/key-format.md is the specification.
//
// # What is checked
//
// Reading never returns part of a key or a wrong one: a key that is truncated, altered or
// contradicts itself is ErrDamaged (onnxio.Record.Validate owns what a valid record is),
// and memory stays proportional to the size of the input. A key sealed to a public key is not signed, though:
// anyone who has the recipient can make one. Its file names are therefore
// confined to the model's folder, and a server that takes keys from strangers
// compares Record.Files[0].SHA256 with the model it expects.
//
// # Compatibility
//
// Keys written by a released version are read by all later ones.
//
// # Files
//
//	key.go       this overview, and Key
//	envelope.go  the container: age, armor, plain
//	payload.go   the message in it
//	patch.go     patches, which may have many millions of elements
//	step.go      steps and keystreams
//	validate.go  when a key is valid
//	identity.go  recipients and identities as text
//	plugin.go    identities that plugins of age hold
//	secrets.go   Secrets: what opens a key; wiping it
//	errors.go    typed errors
package key

import (
	"time"

	"github.com/advparams/advparams/onnxio"
)

// MaxSize is the largest payload, in bytes, that is written or read: room for
// about 150 million changed float32 parameters.
const MaxSize = 1 << 30

// Key is the content of a key.
type Key struct {
	Record  onnxio.Record // how to go back from the locked files to the original
	Tool    string        // program and version that made it
	Created time.Time     // to the second; zero: not recorded, for reproducible output
	Summary Summary       // for people, not used to unlock
}

// Summary describes the locking without saying where it was done.
type Summary struct {
	Profile        string  // "minimal", "hardened", "sealed"
	Parameters     int64   // of the model
	Changed        int64   // of these, how many were changed
	Samples        int64   // that the accuracies were measured on; 0: not measured
	Accuracy       float64 // of the original model, 0 to 1; 0 where the task has none
	LockedAccuracy float64 // of the locked model, 0 to 1
	MadeUp         bool    // the samples were made up: no real data was seen
	Preprocess     string  // how images were prepared, as JSON; "" where nothing was asked for
}
