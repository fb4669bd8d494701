package dataset

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
	"github.com/google/go-cmp/cmp"
)

// model is the Spec of a model with one float32 input x.
func model(shape ...int) Spec {
	return Spec{Inputs: []Input{{Name: "x", Shape: shape, DType: nd.Float32}}}
}

// tree writes files, by path, into a new folder and returns it.
func tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func npzOf(t testing.TB, arrays ...Named) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteNPZ(&b, arrays); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustOpen(t testing.TB, path string, spec Spec) *Set {
	t.Helper()
	s, err := Open(path, spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all returns the whole set as one batch of its only input.
func all(t testing.TB, s *Set) nd.Array {
	t.Helper()
	batch, err := s.Batch(0, s.Len())
	if err != nil {
		t.Fatal(err)
	}
	if len(batch) != 1 {
		t.Fatalf("batch of %d inputs", len(batch))
	}
	for _, a := range batch {
		return a
	}
	panic("unreachable")
}

// wantError checks an error's text, and its hint when one is wanted.
func wantError(t *testing.T, err error, text, hinted string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("error %v, want %q", err, text)
	}
	if got := hint.Of(err); !strings.Contains(got, hinted) || hinted == "" && got != "" {
		t.Errorf("hint %q of %v, want %q", got, err, hinted)
	}
}

// numbered is a file of n samples whose one feature is their position.
func numbered(t testing.TB, labels ...int64) string {
	x := nd.New(nd.Float32, len(labels), 1)
	for i := range labels {
		x.Float32s()[i] = float32(i)
	}
	return write(t, "n.npz", npzOf(t, Named{"x", x}, Named{"labels", nd.Of(labels, len(labels))}))
}

func TestLimit(t *testing.T) {
	mixed := numbered(t, 1, 0, 2, 1, 0, 2, 1, 0, 2)
	sorted := numbered(t, 0, 0, 0, 1, 1, 1, 2, 2, 2)
	for name, tt := range map[string]struct {
		path   string
		limit  int
		seed   uint64
		rows   []float32
		labels []int
	}{
		"none":           {mixed, 0, 7, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8}, []int{1, 0, 2, 1, 0, 2, 1, 0, 2}},
		"larger":         {mixed, 10, 7, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8}, []int{1, 0, 2, 1, 0, 2, 1, 0, 2}},
		"first":          {mixed, 4, 0, []float32{0, 1, 2, 3}, []int{1, 0, 2, 1}},
		"evenly spaced":  {sorted, 3, 0, []float32{0, 3, 6}, []int{0, 1, 2}},
		"random, pinned": {mixed, 3, 1, []float32{1, 4, 2}, []int{0, 0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := model(-1, 1)
			spec.Limit, spec.Seed = tt.limit, tt.seed
			s := mustOpen(t, tt.path, spec)
			if diff := cmp.Diff(tt.rows, all(t, s).Float32s()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.labels, s.Labels()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSubsetAndShuffle(t *testing.T) {
	s := mustOpen(t, numbered(t, 1, 0, 2, 1, 0), model(-1, 1))
	odd := s.Subset([]int{3, 1}).Subset([]int{1, 0, 0})
	if got := all(t, odd).Float32s(); !slices.Equal(got, []float32{1, 3, 3}) || !slices.Equal(odd.Labels(), []int{0, 1, 1}) {
		t.Errorf("subset of a subset: %v labelled %v", got, odd.Labels())
	}
	a, b, c := s.Shuffle(3), s.Shuffle(3), s.Shuffle(4)
	if !slices.Equal(all(t, a).Float32s(), all(t, b).Float32s()) {
		t.Error("one seed gave two orders")
	}
	if slices.Equal(all(t, a).Float32s(), all(t, c).Float32s()) {
		t.Error("two seeds gave one order")
	}
	for i, row := range all(t, a).Float32s() {
		if s.Labels()[int(row)] != a.Labels()[i] {
			t.Errorf("sample %v lost its label", row)
		}
	}
	relabelled := s.WithLabels([]int{9, 8, 7, 6, 5}).Subset([]int{4, 0})
	if !slices.Equal(relabelled.Labels(), []int{5, 9}) || s.Labels()[0] != 1 {
		t.Errorf("labels %v, and %v of the original", relabelled.Labels(), s.Labels())
	}
}

func TestBatch(t *testing.T) {
	s := mustOpen(t, numbered(t, 1, 0, 2, 1, 0), model(-1, 1))
	for _, tt := range []struct {
		lo, hi int
		want   []float32
	}{{1, 3, []float32{1, 2}}, {4, 5, []float32{4}}, {2, 2, []float32{}}} {
		batch, err := s.Batch(tt.lo, tt.hi)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]nd.Array{"x": nd.Of(tt.want, len(tt.want), 1)}, batch); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDescribe(t *testing.T) {
	path := numbered(t, 1, 0, 2, 1, 0)
	spec := model(-1, 1)
	if got, want := mustOpen(t, path, spec).Describe(), "5 samples from "+path+" (npz)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	spec.Limit = 2
	if got, want := mustOpen(t, path, spec).Describe(), "2 of 5 samples from "+path+" (npz)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	path = write(t, "stray.npz", npzOf(t, Named{"x", nd.New(nd.Float32, 2, 1)}, Named{"truths", nd.New(nd.Int64, 2)}))
	if got, want := mustOpen(t, path, model(-1, 1)).Describe(), "2 samples without labels from "+path+` (npz; not used: "truths")`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	path = write(t, "u.csv", []byte("a,b\n1,2\n"))
	if got, want := mustOpen(t, path, model(-1, 2)).Describe(), "1 sample without labels from "+path+" (CSV, 2 features)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestConcurrentBatches(t *testing.T) {
	files := make(map[string][]byte)
	for _, name := range []string{"a/0.png", "a/1.png", "b/0.png", "b/1.png"} {
		files[name] = pngOf(t, gradientImage(6, 5, name))
	}
	s := mustOpen(t, tree(t, files), model(-1, 3, 4, 4))
	want := all(t, mustOpen(t, s.path, model(-1, 3, 4, 4)))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range s.Len() {
				batch, err := s.Batch(i, s.Len())
				if err != nil {
					t.Error(err)
					return
				}
				if !slices.Equal(batch["x"].Float32s(), want.Rows(i, s.Len()).Float32s()) {
					t.Errorf("batch from %d differs", i)
				}
			}
		})
	}
	wg.Wait()
}

func TestOpenErrors(t *testing.T) {
	good := numbered(t, 0, 1, 2)
	with := func(change func(*Spec)) Spec {
		spec := model(-1, 1)
		change(&spec)
		return spec
	}
	for name, tt := range map[string]struct {
		path         string
		spec         Spec
		text, hinted string
	}{
		"missing":         {filepath.Join(t.TempDir(), "no.npz"), model(-1, 1), "no.npz: no such file", ""},
		"text file":       {write(t, "readme.txt", []byte("hello")), model(-1, 1), "readme.txt: not a data set", "an .npz or .csv file, or a folder"},
		"empty folder":    {t.TempDir(), model(-1, 1), "empty folder", "a sub-folder"},
		"other folder":    {tree(t, map[string][]byte{"a/b.txt": nil, "c.py": nil}), model(-1, 1), "no data set in this folder", "looked for IDX files"},
		"pickled CIFAR":   {tree(t, map[string][]byte{"data_batch_1": nil}), model(-1, 3, 32, 32), "pickled Python objects", "binary version"},
		"no input":        {good, Spec{}, "the model has no input", ""},
		"limit":           {good, with(func(s *Spec) { s.Limit = -1 }), "limit -1 is negative", ""},
		"split spelling":  {good, with(func(s *Spec) { s.Split = "tset" }), `unknown split "tset"`, "train and test"},
		"split of a file": {good, with(func(s *Spec) { s.Split = Test }), "no test split: the file is one set", "ask for no split"},
		"mean":            {good, with(func(s *Spec) { s.Preprocess.Mean = []float32{0.5} }), "preprocessing applies to images only", "store them prepared"},
		"mean NaN":        {good, with(func(s *Spec) { s.Preprocess.Mean = []float32{float32(math.NaN())} }), "mean NaN is not", ""},
		"std zero":        {good, with(func(s *Spec) { s.Preprocess.Std = []float32{1, 0} }), "std 0 is not a positive number", ""},
		"label too large": {good, with(func(s *Spec) { s.Classes = 2 }), "sample 2 has label 2, but the model has 2 classes", "from 0 to 1"},
		"label negative":  {numbered(t, 0, -1), model(-1, 1), "sample 1 has the negative label -1", "from 0"},
		"no labels": {write(t, "x.npz", npzOf(t, Named{"x", nd.New(nd.Float32, 2, 1)})),
			with(func(s *Spec) { s.NeedLabels = true }), "no labels", "the model's own answers"},
		"no samples": {write(t, "x.npz", npzOf(t, Named{"x", nd.New(nd.Float32, 0, 1)})), model(-1, 1), "no samples", ""},
		"too many labels": {write(t, "x.npz", npzOf(t, Named{"x", nd.New(nd.Float32, 2, 1)}, Named{"labels", nd.New(nd.Int64, 3)})),
			model(-1, 1), "2 samples, but 3 labels", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(tt.path, tt.spec)
			wantError(t, err, tt.text, tt.hinted)
		})
	}
}
