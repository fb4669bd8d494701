package dataset

import (
	"errors"
	"fmt"

	"github.com/advparams/advparams/nd"
)

// Labels returns the class of each sample, or nil when the data has none.
// The slice is shared: do not write to it.
func (s *Set) Labels() []int { return s.labels }

// ClassNames returns the names of the classes by label, from the list of classes or the
// folders of an image folder; nil if they are not known. The slice is shared.
func (s *Set) ClassNames() []string { return s.classes }

// ClassIDs returns the number that each class has in the labels, where that is not its
// position: the numbers of COCO's categories. It is nil for others. The slice is shared.
func (s *Set) ClassIDs() []int { return s.ids }

// SampleName returns the file that a sample comes from, within the data set; "" if it has none
// of its own.
func (s *Set) SampleName(i int) string { return s.source.name(s.rows[i]) }

// Truth returns the labels of samples lo to hi-1, whatever they are, with axis 0
// counting samples: classes as int64 [hi-lo], or what Spec.AnyLabels let in. It is
// the zero Array when there are none. It may share the set's memory: do not write
// to it.
func (s *Set) Truth(lo, hi int) nd.Array {
	switch {
	case s.labels != nil:
		out := nd.New(nd.Int64, hi-lo)
		for i, label := range s.labels[lo:hi] {
			out.Int64s()[i] = int64(label)
		}
		return out
	case s.truth.Data != nil:
		return rowsOf(s.truth, s.truthRows[lo:hi])
	}
	return nd.Array{}
}

// Named returns one of the arrays of Spec.Named, with a row per sample; the zero Array if the
// data does not have it.
func (s *Set) Named(name string) nd.Array {
	a, ok := s.named[name]
	if !ok {
		return nd.Array{}
	}
	return rowsOf(a, s.namedRows)
}

// WithNamed returns the same samples with other named arrays, which have a row per sample; it
// panics when their number differs.
func (s *Set) WithNamed(arrays map[string]nd.Array) *Set {
	for name, a := range arrays {
		if len(a.Shape) == 0 || a.Shape[0] != s.Len() {
			panic(fmt.Sprintf("dataset: array %q of shape %v for %d samples", name, a.Shape, s.Len()))
		}
	}
	out := *s
	out.named, out.namedRows = arrays, count(s.Len())
	return &out
}

func (s *Set) labelled() bool { return s.labels != nil || s.truth.Data != nil }

// WithLabels returns the same samples with other labels, one a sample; it
// panics when their number differs.
func (s *Set) WithLabels(labels []int) *Set {
	if len(labels) != s.Len() {
		panic(fmt.Sprintf("dataset: %d labels for %d samples", len(labels), s.Len()))
	}
	out := *s
	out.labels, out.truth, out.truthRows = labels, nd.Array{}, nil
	return &out
}

// WithTruth returns the same samples with other labels of any shape, one row a
// sample; it panics when their number differs.
func (s *Set) WithTruth(truth nd.Array) *Set {
	if len(truth.Shape) == 0 || truth.Shape[0] != s.Len() {
		panic(fmt.Sprintf("dataset: labels of shape %v for %d samples", truth.Shape, s.Len()))
	}
	out := *s
	out.labels, out.truth, out.truthRows = nil, truth, count(s.Len())
	return &out
}

// Classified returns a set that was opened with AnyLabels as one whose labels are
// classes, fewer than the given number; 0 means any number.
func (s *Set) Classified(classes int) (*Set, error) {
	out := s
	if s.labels == nil && s.truth.Data != nil {
		labels, err := classesOf(s.Truth(0, s.Len()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
		out = s.WithLabels(labels)
	}
	if err := out.checkLabels(Spec{Classes: classes}); err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return out, nil
}

// classesOf takes labels for classes: integers of shape [N] or [N,1].
func classesOf(a nd.Array) ([]int, error) {
	if !oneEach(a) {
		return nil, &ClassesError{Shape: a.Shape, DType: a.DType()}
	}
	if a.DType() != nd.Int64 {
		return nil, &ClassesError{Shape: a.Shape, DType: a.DType()}
	}
	labels := make([]int, a.Len())
	for i, v := range a.Int64s() {
		labels[i] = int(v)
	}
	return labels, nil
}

// oneEach reports whether an array has one element a sample.
func oneEach(a nd.Array) bool {
	return len(a.Shape) == 1 || len(a.Shape) == 2 && a.Shape[1] == 1
}

func (s *Set) checkLabels(spec Spec) error {
	switch {
	case s.Len() == 0:
		return errors.New("no samples")
	case !s.labelled() && spec.NeedLabels:
		return ErrNoLabels
	case !s.labelled():
		return nil
	case s.labels == nil && s.truth.Shape[0] != s.Len():
		return fmt.Errorf("%d samples, but %d labels", s.Len(), s.truth.Shape[0])
	case s.labels == nil:
		return nil
	case len(s.labels) != s.Len():
		return fmt.Errorf("%d samples, but %d labels", s.Len(), len(s.labels))
	case spec.AnyLabels:
		return nil
	}
	for i, label := range s.labels {
		if label >= 0 && (spec.Classes == 0 || label < spec.Classes) {
			continue
		}
		return &LabelError{Sample: i, Name: s.source.name(s.rows[i]), Label: label, Classes: spec.Classes}
	}
	return nil
}
