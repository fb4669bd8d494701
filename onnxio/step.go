package onnxio

import (
	"github.com/advparams/advparams/seal"
)

// A Step is one of several changes that lead from locked files back to the original, one
// after another. It changes what the step before left, or the locked files, all at once:
// with patches and splices, or with a keystream. All offsets are those of the files that
// it takes.
type Step struct {
	// Results are the files that the step changes as it leaves them, in the order of
	// Record.Files.
	Results   []Result
	Patches   []TensorPatch
	Splices   []Splice
	Keystream *Keystream // nil if there are patches or splices
}

// A Result is a file after a step.
type Result struct {
	File   int // index in Record.Files
	Size   int64
	SHA256 [32]byte
}

// A Keystream decrypts tensors.
type Keystream struct {
	Key seal.Key
	// Ranges are in the order of files and offsets, without overlaps. The index of each
	// tensor is its place in this list.
	Ranges []SealedRange
}

// A SealedRange is where a tensor lies, or a part of it, and how it is sealed.
type SealedRange struct {
	Name string // of the tensor, for people
	File int    // index in Record.Files, and in Model.Files
	seal.Range
}

// byFile returns the ranges of each of n files.
func (k *Keystream) byFile(n int) [][]seal.Range {
	all := make([][]seal.Range, n)
	for i := range k.Ranges {
		r := &k.Ranges[i]
		all[r.File] = append(all[r.File], r.Range)
	}
	return all
}

// steps returns the steps of a record, one if it has patches and splices of its own.
func (r *Record) steps() []Step {
	if len(r.Steps) > 0 {
		return r.Steps
	}
	s := Step{Patches: r.Patches, Splices: r.Splices}
	for i := range r.Files {
		f := &r.Files[i]
		s.Results = append(s.Results, Result{i, f.Size, f.SHA256})
	}
	return []Step{s}
}

// stages returns what the steps do to each file, for each at least one stage. The record
// must be valid.
func (r *Record) stages() [][]stage {
	all := make([][]stage, len(r.Files))
	for _, s := range r.steps() {
		changed := changesByFile(len(r.Files), s.Patches, s.Splices)
		var ranges [][]seal.Range
		if s.Keystream != nil {
			ranges = s.Keystream.byFile(len(r.Files))
		}
		for _, to := range s.Results {
			one := stage{changes: changed[to.File], want: to}
			if s.Keystream != nil {
				one.key, one.ranges = &s.Keystream.Key, ranges[to.File]
			}
			all[to.File] = append(all[to.File], one)
		}
	}
	for i := range all {
		if len(all[i]) == 0 {
			all[i] = []stage{{want: Result{i, r.Files[i].Size, r.Files[i].SHA256}}}
		}
	}
	return all
}
