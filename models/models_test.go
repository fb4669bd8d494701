package models

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/models/glyphs"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

const trainSamples, testSamples = 2000, 4000

// What the documentation says of the model was measured on this one.
func TestModelIsTheDocumentedOne(t *testing.T) {
	const want = "e46e884e93c24c0c1a2d9207d4771abe38441a52d1d267ed4a651a1ade45bcf9"
	sum := sha256.Sum256(Model())
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the SHA-256 of %s is %s: measure Parameters and Accuracy anew", ModelFile, got)
	}
}

func TestSize(t *testing.T) {
	const limit = 2 << 20
	size := len(model)
	err := fs.WalkDir(data, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		size += int(info.Size())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > limit {
		t.Errorf("%d bytes are embedded, more than %d", size, limit)
	}
}

// The embedded data is what the generator draws on this machine. The packed
// bytes may differ between versions of Go; what is in them may not.
func TestDataIsGenerated(t *testing.T) {
	for split, n := range map[glyphs.Split]int{glyphs.Train: trainSamples, glyphs.Test: testSamples} {
		set, err := glyphs.Draw(1, split, n)
		if err != nil {
			t.Fatal(err)
		}
		images, labels := split.Files()
		for name, want := range map[string][]byte{images: set.Images, labels: set.Labels} {
			// The elements are what follows the header, which TestOpen reads.
			got := unpack(t, DataFolder+"/"+name)
			if len(got) < len(want) || !bytes.Equal(got[len(got)-len(want):], want) {
				t.Errorf("%s is not what the generator makes", name)
			}
		}
	}
}

func unpack(t *testing.T, name string) []byte {
	t.Helper()
	f, err := data.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return content
}

// The model reaches its documented accuracy in this project's engine as well,
// up to samples on the edge between two classes.
func TestAccuracy(t *testing.T) {
	m, set := open(t, dataset.Test)
	const batch = 100
	program, err := gradient.Compile(m, gradient.Config{Shapes: map[string][]int{"input": {batch, 1, glyphs.Size, glyphs.Size}}})
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for lo := 0; lo < set.Len(); lo += batch {
		inputs, err := set.Batch(lo, lo+batch)
		if err != nil {
			t.Fatal(err)
		}
		outputs, err := program.Forward(inputs)
		if err != nil {
			t.Fatal(err)
		}
		logits, n, classes, err := gradient.Logits(outputs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if gradient.ArgMax(logits[i*classes:][:classes]) == set.Labels()[lo+i] {
				right++
			}
		}
	}
	if got := float64(right) / testSamples; math.Abs(got-Accuracy) > 0.001 {
		t.Errorf("accuracy %.4f, documented is %.4f", got, Accuracy)
	}
}

// open writes the demo to a folder and reads model and data from there.
func open(t *testing.T, split dataset.Split) (*onnxio.Model, *dataset.Set) {
	t.Helper()
	dir := t.TempDir()
	if err := Install(dir, false); err != nil {
		t.Fatal(err)
	}
	m, err := onnxio.Open(filepath.Join(dir, ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	set, err := dataset.Open(filepath.Join(dir, DataFolder), dataset.Spec{
		Inputs:     []dataset.Input{{Name: "input", Shape: []int{-1, 1, glyphs.Size, glyphs.Size}}},
		Classes:    len(glyphs.Classes),
		Split:      split,
		NeedLabels: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, set
}

func TestOpen(t *testing.T) {
	for split, n := range map[dataset.Split]int{dataset.Train: trainSamples, dataset.Test: testSamples} {
		m, set := open(t, split)
		parameters := 0
		for _, i := range m.Initializers() {
			parameters += i.Len()
		}
		if parameters != Parameters {
			t.Errorf("the model has %d parameters, documented are %d", parameters, Parameters)
		}
		if set.Len() != n {
			t.Errorf("split %s has %d samples, want %d", split, set.Len(), n)
		}
	}
}

func TestClasses(t *testing.T) {
	if got := strings.Join(Classes(), ""); got != glyphs.Classes {
		t.Errorf("classes %s, drawn are %s", got, glyphs.Classes)
	}
}

func TestInstall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if err := Install(dir, false, filepath.Join(dir, "locked.onnx")); err != nil {
		t.Fatal(err)
	}
	if err := Install(dir, false); !errors.Is(err, atomicfile.ErrExists) {
		t.Errorf("writing over files: error %v, want %v", err, atomicfile.ErrExists)
	}
	if err := Install(dir, true); err != nil {
		t.Errorf("writing over files by force: %v", err)
	}
	var names []string
	for _, pattern := range []string{"*", "*/*"} {
		found, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	want := []string{
		"data", "glyphs.onnx",
		"data/t10k-images-idx3-ubyte.gz", "data/t10k-labels-idx1-ubyte.gz",
		"data/train-images-idx3-ubyte.gz", "data/train-labels-idx1-ubyte.gz",
	}
	if !slices.Equal(names, want) {
		t.Errorf("the folder holds %q, want %q", names, want)
	}

	other := filepath.Join(t.TempDir(), "demo")
	err := Install(other, false, filepath.Join(dir, ModelFile))
	if _, missing := os.Stat(other); !errors.Is(err, atomicfile.ErrExists) || !errors.Is(missing, fs.ErrNotExist) {
		t.Errorf("a product is there already: error %v, and the folder: %v", err, missing)
	}
}
