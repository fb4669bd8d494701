package onnxio

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/advparams/advparams/seal"
)

// validate checks a step against the files that it takes, whose state it then makes that
// of what it leaves.
func (s *Step) validate(files []FileRecord, state []Result) error {
	if s.Keystream != nil && len(s.Patches)+len(s.Splices) > 0 {
		return errors.New("patches or splices beside a keystream")
	}
	changed := make([]bool, len(files))
	for i := range s.Patches {
		p := &s.Patches[i]
		if p.File < 0 || p.File >= len(files) {
			return fmt.Errorf("tensor %q: there is no file %d", p.Tensor, p.File)
		}
		if err := validatePatch(p, state[p.File].Size); err != nil {
			return fmt.Errorf("tensor %q in file %q: %w", p.Tensor, files[p.File].LockedName, err)
		}
		changed[p.File] = true
	}
	grown, err := validateSplices(s.Splices, files, state)
	if err != nil {
		return err
	}
	for i := range s.Splices {
		changed[s.Splices[i].File] = true
	}
	if s.Keystream != nil {
		if err := s.Keystream.validate(files, state); err != nil {
			return err
		}
		for i := range s.Keystream.Ranges {
			changed[s.Keystream.Ranges[i].File] = true
		}
	}
	last := -1
	for _, to := range s.Results {
		switch {
		case to.File < 0 || to.File >= len(files):
			return fmt.Errorf("there is no file %d", to.File)
		case to.File <= last:
			return fmt.Errorf("file %q: its result is not in the order of files", files[to.File].LockedName)
		case to.Size < 0 || to.Size-grown[to.File] != state[to.File].Size:
			return fmt.Errorf("file %q: %d bytes before and %d after, but the splices add %d", files[to.File].LockedName, state[to.File].Size, to.Size, grown[to.File])
		}
		last, changed[to.File], state[to.File] = to.File, false, to
	}
	for i, missing := range changed {
		if missing {
			return fmt.Errorf("file %q is changed, but its result is missing", files[i].LockedName)
		}
	}
	return nil
}

// validate checks the ranges against the files that they are in.
func (k *Keystream) validate(files []FileRecord, state []Result) error {
	for i := range k.Ranges {
		r := &k.Ranges[i]
		switch {
		case r.File < 0 || r.File >= len(files):
			return fmt.Errorf("tensor %q: there is no file %d", r.Name, r.File)
		case r.Tensor.Index != uint64(i):
			return fmt.Errorf("tensor %q has the index %d in place %d", r.Name, r.Tensor.Index, i)
		case i > 0 && cmp.Or(cmp.Compare(k.Ranges[i-1].File, r.File), cmp.Compare(k.Ranges[i-1].Offset, r.Offset)) > 0:
			return fmt.Errorf("tensor %q is not in the order of files and offsets", r.Name)
		}
	}
	for i, ranges := range k.byFile(len(files)) {
		if err := seal.CheckRanges(ranges, state[i].Size); err != nil {
			return fmt.Errorf("file %q: %w", files[i].LockedName, err)
		}
	}
	return nil
}
