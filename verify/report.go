package verify

import (
	"github.com/advparams/advparams/task"
)

// Report is what verifying a locked model found.
type Report struct {
	Data string // a description of the samples; "" if nothing was measured

	Task    string // the name of the task that models were measured for
	Samples int    // that they were measured on

	// Original, Locked and Unlocked are what the outputs of the models are worth;
	// nil where nothing was measured.
	Original, Locked, Unlocked *task.Score

	// WithKey reports whether the files were checked against a key.
	WithKey bool
	// BitExact reports whether unlocking gave the bytes of the original.
	BitExact bool
	// Tampered reports whether the locked files are not those that the key was made for.
	Tampered bool

	// Parameters and Changed are the numbers of all and of changed parameters, as the key
	// has them; 0 if they are not known.
	Parameters, Changed int64

	Timings []Timing
}
