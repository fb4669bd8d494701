package dataset

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/advparams/advparams/nd"
)

// Split names a part of a data set.
type Split string

// The parts that data sets on disk come in. A validation folder counts as Test.
const (
	Train Split = "train"
	Test  Split = "test"
)

// Input is one graph input of the model.
type Input struct {
	Name  string
	Shape []int    // axis 0 counts samples; -1: not fixed by the model; nil: rank unknown
	DType nd.DType // 0: as the data is

	// Axis is the axis of arrays in a file that counts samples: 0, or the one where the
	// model has it. NoAxis says that the model has none: an array then has the shape of
	// one sample, which all samples share, or one more axis in front.
	Axis int
	// Zero says that the input is all zeros where the data has no array for it.
	Zero bool
}

// NoAxis as Input.Axis says that no axis of the model's input counts samples.
const NoAxis = -1

// Spec says what to read and for which model.
type Spec struct {
	Inputs []Input

	// Classes is the number of classes the model tells apart; a label beyond
	// it is an error. 0: unknown.
	Classes int

	// Split is the wanted part. It is an error when the data has no such part.
	// When it is empty, DefaultSplit is preferred where there is a choice.
	Split, DefaultSplit Split

	// Limit is the largest number of samples; 0: all. They are a random
	// selection that depends on Seed alone or, when Seed is 0, the first ones;
	// from data sorted by label, which image folders always are, evenly spaced
	// ones, since the first would all be of one class.
	Limit int
	Seed  uint64

	// Preprocess is how images become what the model takes. Only images take it, but
	// for ClassNames.
	Preprocess Preprocess

	// NeedLabels makes data without labels an error.
	NeedLabels bool

	// AnyLabels takes labels of any type and shape, one row a sample, such as
	// numbers to predict or a class for every pixel. Classes does not apply then;
	// Set.Classified turns what was read into classes.
	AnyLabels bool

	// Named are names of further arrays of an .npz file to keep where they are there, with a
	// row a sample (Set.Named).
	Named []string
}

// Set is a sequence of samples. It is immutable and safe for concurrent use.
type Set struct {
	source source
	path   string
	rows   []int // of the source, one a sample
	labels []int // classes, one a sample, or nil

	classes []string // their names; nil: not known
	ids     []int    // their numbers in the labels; nil: their positions

	truth     nd.Array // labels that are no classes, or the zero Array
	truthRows []int    // of truth, one a sample

	named     map[string]nd.Array
	namedRows []int // of named, one a sample
}

// source holds all samples of a data set, as rows 0 to len()-1.
type source interface {
	len() int
	// about is a phrase for Describe: what the rows are.
	about() string
	// name tells where a row comes from, for messages; "" when its number says it all.
	name(row int) string
	// batch returns the model's inputs for some rows.
	batch(rows []int) (map[string]nd.Array, error)
}

// Open reads the data set at path. It checks labels, shapes and sizes. The files of an
// image folder are decoded when a batch needs them. Faults in the data are errors of the
// types of this package, such as *FormatError and *LabelError.
func Open(path string, spec Spec) (*Set, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	src, labels, err := open(path, spec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Set{source: src, path: path, rows: count(src.len()), labels: labels, classes: spec.Preprocess.ClassNames}
	if s.classes == nil {
		switch src := src.(type) {
		case *images:
			s.classes = src.classes
		case *sounds:
			s.classes = src.classes
		}
	}
	if im, ok := src.(*images); ok && im.truth.Data != nil {
		s.truth, s.rows, s.truthRows, s.ids = im.truth, im.chosen, count(len(im.chosen)), im.ids
	}
	a, isArrays := src.(*arrays)
	if isArrays && a.truth.Data != nil {
		s.truth, s.truthRows = a.truth, count(src.len())
	}
	if isArrays && a.chosen != nil && s.truth.Data != nil { // it has only rows that are kept
		s.rows, s.truthRows = a.chosen, a.positions(a.chosen)
	}
	if isArrays && len(a.named) > 0 {
		s.named, s.namedRows = a.named, a.positions(s.rows)
	}
	if err := s.checkLabels(spec); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s.Limit(spec.Limit, spec.Seed), nil
}

func open(path string, spec Spec) (source, []int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, errors.Unwrap(err) // the caller names the path
	}
	if info.IsDir() {
		return openFolder(path, spec)
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return openCOCO(path, spec)
	case ".yaml", ".yml":
		return openYOLO(path, spec)
	}
	read := map[string]func(string, Spec) (source, []int, error){
		".npz": openNPZ, ".csv": openCSV, ".tsv": openCSV,
	}[strings.ToLower(filepath.Ext(path))]
	if read == nil {
		return nil, nil, malformed("a data set is an .npz or .csv file, or a folder with IDX files, CIFAR binary files, images or WAV files; labels of boxes may be a .yaml of YOLO or a .json of COCO", "not a data set")
	}
	if spec.Split != "" {
		return nil, nil, &SplitError{spec.Split, "file"}
	}
	if spec.Preprocess.shapes() || spec.Preprocess.values() {
		return nil, nil, malformed("the values in the file are what the model gets: store them prepared, and leave mean, std, sizes and the like out", "preprocessing applies to images only")
	}
	return read(path, spec)
}

func (spec Spec) check() error {
	switch {
	case len(spec.Inputs) == 0:
		return errors.New("the model has no input to feed")
	case spec.Limit < 0:
		return fmt.Errorf("limit %d is negative", spec.Limit)
	}
	for _, s := range []Split{spec.Split, spec.DefaultSplit} {
		if s != "" && s != Train && s != Test {
			return malformed(fmt.Sprintf("the splits are %s and %s", Train, Test), "unknown split %q", s)
		}
	}
	return spec.Preprocess.Check()
}

// single returns the one input of a model that data of a kind can feed.
func (spec Spec) single(kind string) (Input, error) {
	if len(spec.Inputs) > 1 {
		names := make([]string, len(spec.Inputs))
		for i, in := range spec.Inputs {
			names[i] = in.Name
		}
		return Input{}, malformed("give an .npz with an array for each input", "%s feed one input, but the model has %s", kind, listed(names))
	}
	return spec.Inputs[0], nil
}

// Limit returns at most limit samples, chosen as Spec.Limit describes; 0 means all.
func (s *Set) Limit(limit int, seed uint64) *Set {
	if chosen := (Spec{Limit: limit, Seed: seed}).choose(s.Len(), s.labels); chosen != nil {
		return s.Subset(chosen)
	}
	return s
}

// choose returns the samples that Limit leaves of n with these labels; nil for all.
func (spec Spec) choose(n int, labels []int) []int {
	switch {
	case spec.Limit == 0 || spec.Limit >= n:
		return nil
	case spec.Seed != 0:
		return permutation(n, spec.Seed)[:spec.Limit]
	}
	chosen := count(spec.Limit)
	if labels != nil && slices.IsSorted(labels) {
		for i := range chosen {
			chosen[i] = i * n / spec.Limit
		}
	}
	return chosen
}

// Len returns the number of samples.
func (s *Set) Len() int { return len(s.rows) }

// Batch returns samples lo to hi-1 as arrays by input name, with axis 0
// counting them. The arrays may share the set's memory: do not write to them.
// It panics unless 0 ≤ lo ≤ hi ≤ Len. An error is an image file that cannot
// be read or decoded.
func (s *Set) Batch(lo, hi int) (map[string]nd.Array, error) {
	batch, err := s.source.batch(s.rows[lo:hi])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return batch, nil
}

// Subset returns the samples at the given indices, in that order. It shares
// the data of s and panics when an index is out of range.
func (s *Set) Subset(indices []int) *Set {
	out := &Set{source: s.source, path: s.path, rows: pick(s.rows, indices), truth: s.truth, named: s.named, classes: s.classes, ids: s.ids}
	out.labels, out.truthRows, out.namedRows = pick(s.labels, indices), pick(s.truthRows, indices), pick(s.namedRows, indices)
	return out
}

// WithInputs returns the samples with other arrays for some inputs. Each has a row a
// sample, in the order of the set.
func (s *Set) WithInputs(arrays map[string]nd.Array) *Set {
	out := *s
	out.source, out.rows = &replaced{s, arrays}, count(s.Len())
	return &out
}

// replaced is the samples of a set with other arrays for some inputs.
type replaced struct {
	set    *Set
	arrays map[string]nd.Array
}

func (r *replaced) len() int            { return r.set.Len() }
func (r *replaced) about() string       { return r.set.source.about() }
func (r *replaced) name(row int) string { return r.set.source.name(r.set.rows[row]) }

func (r *replaced) batch(rows []int) (map[string]nd.Array, error) {
	batch, err := r.set.source.batch(pick(r.set.rows, rows))
	if err != nil {
		return nil, err
	}
	for name, a := range r.arrays {
		batch[name] = rowsOf(a, rows)
	}
	return batch, nil
}

// Shuffle returns the samples in an order that depends on their number and
// the seed alone.
func (s *Set) Shuffle(seed uint64) *Set { return s.Subset(permutation(s.Len(), seed)) }

// Describe returns one line for progress messages.
func (s *Set) Describe() string {
	n := counted(s.Len(), "sample", "samples")
	if all := s.source.len(); all != s.Len() {
		n = fmt.Sprintf("%d of %d samples", s.Len(), all)
	}
	if !s.labelled() {
		n += " without labels"
	}
	if s.path == "" {
		return n + " " + s.source.about()
	}
	return fmt.Sprintf("%s from %s (%s)", n, s.path, s.source.about())
}

// pick returns the elements of list at the given indices; nil for nil.
func pick(list, indices []int) []int {
	if list == nil {
		return nil
	}
	out := make([]int, len(indices))
	for i, index := range indices {
		out[i] = list[index]
	}
	return out
}

// count returns 0, 1, … n-1.
func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func permutation(n int, seed uint64) []int {
	return rand.New(rand.NewPCG(seed, 0)).Perm(n)
}

func finite(v float32) bool {
	f := float64(v)
	return !math.IsNaN(f) && !math.IsInf(f, 0)
}

// counted writes a number of things.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// listed joins names for a message, the first few of many.
func listed(names []string) string {
	const most = 8
	var b strings.Builder
	for i, name := range names {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(names)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", name)
	}
	return b.String()
}

// shapeText writes an input's shape, with N for axis 0 and ? for what the
// model leaves open.
func shapeText(shape []int) string {
	if len(shape) == 0 {
		return "[]"
	}
	parts := []string{"N"}
	for _, d := range shape[1:] {
		if d < 0 {
			parts = append(parts, "?")
			continue
		}
		parts = append(parts, fmt.Sprint(d))
	}
	return "[" + strings.Join(parts, " ") + "]"
}
