package key

import (
	"errors"
	"fmt"

	"github.com/advparams/advparams/onnxio"
)

// Validate returns the first contradiction in k: a summary whose figures are out of
// range, more entries (files, changes, steps) than a key holds, or what onnxio.Record.Validate finds. Seal,
// WritePlain and Read call it.
func (k *Key) Validate() error {
	if err := k.Summary.validate(); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	rec := &k.Record
	n := len(rec.Files) + len(rec.Patches) + len(rec.Splices) + len(rec.Steps)
	for i := range rec.Steps {
		s := &rec.Steps[i]
		n += len(s.Results) + len(s.Patches) + len(s.Splices)
		if s.Keystream != nil {
			n += len(s.Keystream.Ranges)
		}
	}
	if n > maxEntries {
		return fmt.Errorf("%d entries; a key holds %d", n, maxEntries)
	}
	err := rec.Validate()
	if bad, ok := errors.AsType[*onnxio.RecordError](err); ok {
		return bad.Reason // that the key is damaged says enough
	}
	return err
}

func (s *Summary) validate() error {
	if s.Parameters < 0 || s.Changed < 0 || s.Samples < 0 {
		return errors.New("a count is negative")
	}
	for _, a := range []float64{s.Accuracy, s.LockedAccuracy} {
		if !(a >= 0 && a <= 1) { // NaN too
			return fmt.Errorf("accuracy %v is not between 0 and 1", a)
		}
	}
	return nil
}
