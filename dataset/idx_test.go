package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/google/go-cmp/cmp"
)

// idxOf is an IDX file; elements are a slice that encoding/binary can write.
func idxOf(kind byte, elements any, dims ...uint32) []byte {
	var b bytes.Buffer
	b.Write([]byte{0, 0, kind, byte(len(dims))})
	binary.Write(&b, binary.BigEndian, dims)
	binary.Write(&b, binary.BigEndian, elements)
	return b.Bytes()
}

func gz(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ramp is the bytes from, from+1, …
func ramp(from, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(from + i)
	}
	return out
}

func floats(pixels []byte) []float32 {
	out := make([]float32, len(pixels))
	for i, p := range pixels {
		out[i] = float32(p) / 255
	}
	return out
}

const (
	trainImages, trainLabels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	testImages, testLabels   = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
)

func TestIDX(t *testing.T) {
	pixels := ramp(10, 12)
	images := idxOf(8, pixels, 2, 2, 3)
	labels := idxOf(8, []byte{4, 2}, 2)
	for name, tt := range map[string]struct {
		files  map[string][]byte
		shape  []int // of the input
		want   nd.Array
		labels []int
	}{
		"NCHW":          {map[string][]byte{trainImages: images, trainLabels: labels}, []int{-1, 1, 2, 3}, nd.Of(floats(pixels), 2, 1, 2, 3), []int{4, 2}},
		"NHWC":          {map[string][]byte{trainImages: images, trainLabels: labels}, []int{-1, 2, 3, 1}, nd.Of(floats(pixels), 2, 2, 3, 1), []int{4, 2}},
		"no channels":   {map[string][]byte{trainImages: images, trainLabels: labels}, []int{-1, 2, 3}, nd.Of(floats(pixels), 2, 2, 3), []int{4, 2}},
		"flat":          {map[string][]byte{trainImages: images, trainLabels: labels}, []int{-1, 6}, nd.Of(floats(pixels), 2, 6), []int{4, 2}},
		"flat, any":     {map[string][]byte{trainImages: images, trainLabels: labels}, []int{-1, -1}, nd.Of(floats(pixels), 2, 6), []int{4, 2}},
		"open size":     {map[string][]byte{trainImages: images, trainLabels: labels}, []int{-1, -1, -1, -1}, nd.Of(floats(pixels), 2, 1, 2, 3), []int{4, 2}},
		"unknown rank":  {map[string][]byte{trainImages: images, trainLabels: labels}, nil, nd.Of(floats(pixels), 2, 1, 2, 3), []int{4, 2}},
		"gz":            {map[string][]byte{testImages + ".gz": gz(t, images), testLabels + ".gz": gz(t, labels)}, []int{-1, 1, 2, 3}, nd.Of(floats(pixels), 2, 1, 2, 3), []int{4, 2}},
		"plain and gz":  {map[string][]byte{testImages: images, testImages + ".gz": nil, testLabels: labels}, []int{-1, 1, 2, 3}, nd.Of(floats(pixels), 2, 1, 2, 3), []int{4, 2}},
		"other names":   {map[string][]byte{"emnist-train-images.idx3-ubyte": images, "emnist-train-labels.idx1-ubyte": labels}, []int{-1, 6}, nd.Of(floats(pixels), 2, 6), []int{4, 2}},
		"no labels":     {map[string][]byte{trainImages: images}, []int{-1, 6}, nd.Of(floats(pixels), 2, 6), nil},
		"int32 labels":  {map[string][]byte{trainImages: images, trainLabels: idxOf(0x0c, []int32{70000, 1}, 2)}, []int{-1, 6}, nd.Of(floats(pixels), 2, 6), []int{70000, 1}},
		"int16 labels":  {map[string][]byte{trainImages: images, trainLabels: idxOf(0x0b, []int16{700, 1}, 2)}, []int{-1, 6}, nd.Of(floats(pixels), 2, 6), []int{700, 1}},
		"int8 labels":   {map[string][]byte{trainImages: images, trainLabels: idxOf(0x09, []int8{7, 1}, 2)}, []int{-1, 6}, nd.Of(floats(pixels), 2, 6), []int{7, 1}},
		"rank 2":        {map[string][]byte{"train-images-idx2-ubyte": idxOf(8, pixels, 4, 3)}, []int{-1, 3}, nd.Of(floats(pixels), 4, 3), nil},
		"colour planes": {map[string][]byte{"train-images-idx4-ubyte": idxOf(8, pixels, 1, 3, 2, 2)}, []int{-1, 3, 2, 2}, nd.Of(floats(pixels), 1, 3, 2, 2), nil},
		"colour pixels": {map[string][]byte{"train-images-idx4-ubyte": idxOf(8, []byte{0, 10, 20, 1, 11, 21}, 1, 1, 2, 3)}, []int{-1, 3, 1, 2},
			nd.Of(floats([]byte{0, 1, 10, 11, 20, 21}), 1, 3, 1, 2), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustOpen(t, tree(t, tt.files), model(tt.shape...))
			if diff := cmp.Diff(tt.want, all(t, s)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.labels, s.Labels()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// NumPy computes (x/255 - mean)/std in float32, one rounding a step.
func TestNormalisation(t *testing.T) {
	folder := tree(t, map[string][]byte{trainImages: idxOf(8, []byte{0, 1, 100, 255}, 1, 2, 2)})
	spec := model(-1, 1, 2, 2)
	spec.Preprocess.Mean, spec.Preprocess.Std = []float32{0.286}, []float32{0.353}
	want := []float32{-0.81019825, -0.799089, 0.3007, 2.0226629}
	for i, got := range all(t, mustOpen(t, folder, spec)).Float32s() {
		x := float32([]byte{0, 1, 100, 255}[i]) / 255
		x -= 0.286
		x /= 0.353
		if got != x || got < want[i]-1e-4 || got > want[i]+1e-4 {
			t.Errorf("pixel %d: %v, want %v", i, got, x)
		}
	}

	colour := tree(t, map[string][]byte{"train-images-idx4-ubyte": idxOf(8, []byte{51, 102, 204}, 1, 1, 1, 3)})
	spec = model(-1, 3, 1, 1)
	spec.Preprocess.Mean, spec.Preprocess.Std = []float32{0, 0.25, 0.5}, []float32{2}
	x := []float32{51, 102, 204}
	for c := range x {
		x[c] = (x[c]/255 - spec.Preprocess.Mean[c]) / 2
	}
	if got := all(t, mustOpen(t, colour, spec)).Float32s(); !slices.Equal(got, x) {
		t.Errorf("channels %v, want %v", got, x)
	}
	spec.Preprocess.Mean = []float32{0, 0.5}
	_, err := Open(colour, spec)
	wantError(t, err, "2 values of mean for images of 3 channels", "")
}

func TestIDXSplits(t *testing.T) {
	both := tree(t, map[string][]byte{
		trainImages: idxOf(8, ramp(0, 3), 3, 1, 1), trainLabels: idxOf(8, ramp(0, 3), 3),
		testImages: idxOf(8, ramp(0, 2), 2, 1, 1), testLabels: idxOf(8, ramp(0, 2), 2)})
	test := tree(t, map[string][]byte{testImages: idxOf(8, ramp(0, 2), 2, 1, 1)})
	for _, tt := range []struct {
		folder         string
		split, natural Split
		want           int
	}{
		{both, Train, Test, 3}, {both, Test, Train, 2}, {both, "", Test, 2}, {both, "", Train, 3}, {both, "", "", 3},
		{test, "", Train, 2}, {test, Test, "", 2},
	} {
		spec := model(-1, 1)
		spec.Split, spec.DefaultSplit = tt.split, tt.natural
		if got := mustOpen(t, tt.folder, spec).Len(); got != tt.want {
			t.Errorf("split %q, else %q: %d samples, want %d", tt.split, tt.natural, got, tt.want)
		}
	}
	spec := model(-1, 1)
	spec.Split = Train
	_, err := Open(test, spec)
	wantError(t, err, "no train split", "")
}

func TestIDXErrors(t *testing.T) {
	images, labels := idxOf(8, ramp(0, 12), 2, 2, 3), idxOf(8, ramp(0, 2), 2)
	packed := gz(t, images)
	corrupt := bytes.Clone(packed)
	corrupt[len(corrupt)-6] ^= 1 // the checksum
	again, resize := "copy or download the file again", "say how to resize"
	for name, tt := range map[string]struct {
		files        map[string][]byte
		text, hinted string
	}{
		"empty":             {map[string][]byte{trainImages: nil}, trainImages + ": truncated", again},
		"no magic":          {map[string][]byte{trainImages: []byte("hello world")}, "not an IDX file: it starts with 68 65 6c 6c", ""},
		"type":              {map[string][]byte{trainImages: idxOf(7, ramp(0, 12), 2, 2, 3)}, "not an IDX file", ""},
		"rank 0":            {map[string][]byte{trainImages: {0, 0, 8, 0}}, "not an IDX file", ""},
		"header cut":        {map[string][]byte{trainImages: images[:9]}, "truncated", again},
		"cut":               {map[string][]byte{trainImages: images[:len(images)-1]}, "11 bytes of elements, but its header says [2 2 3]", again},
		"too long":          {map[string][]byte{trainImages: append(bytes.Clone(images), 1)}, "13 bytes of elements, but its header says [2 2 3]", again},
		"huge":              {map[string][]byte{trainImages: idxOf(8, []byte{}, 1<<31, 28, 28)}, "header says [2147483648 28 28]", again},
		"huge gz":           {map[string][]byte{trainImages: gz(t, idxOf(8, []byte{}, 1<<31, 28, 28))}, "more than a file of this size can hold", ""},
		"overflow":          {map[string][]byte{trainImages: idxOf(8, []byte{}, 1<<31, 1<<31, 1<<31)}, "too many elements", ""},
		"gz cut":            {map[string][]byte{trainImages: packed[:len(packed)-9]}, "truncated", again},
		"gz checksum":       {map[string][]byte{trainImages: corrupt}, "damaged: gzip: invalid checksum", again},
		"gz header":         {map[string][]byte{trainImages: {0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}}, "damaged: gzip: invalid header", again},
		"gz content cut":    {map[string][]byte{trainImages: gz(t, images[:len(images)-1])}, "truncated", again},
		"gz content long":   {map[string][]byte{trainImages: gz(t, append(bytes.Clone(images), 1))}, "1 bytes more than its header says", ""},
		"float images":      {map[string][]byte{trainImages: idxOf(0x0d, make([]float32, 12), 2, 2, 3)}, "elements are of type 0x0d", ".npz"},
		"no pixels":         {map[string][]byte{trainImages: idxOf(8, []byte{}, 2, 0, 3)}, "holds no pixels", ""},
		"channels":          {map[string][]byte{trainImages: idxOf(8, ramp(0, 16), 2, 2, 2, 2)}, "an array [2 2 2 2] does not hold grey or RGB images", ""},
		"size":              {map[string][]byte{trainImages: idxOf(8, ramp(0, 8), 2, 2, 2)}, `images are 2×2 grey, but input "x" wants [N 1 2 3]`, resize},
		"colour":            {map[string][]byte{trainImages: idxOf(8, ramp(0, 36), 2, 2, 3, 3)}, `images are 2×3 RGB, but input "x" wants [N 1 2 3]`, resize},
		"count":             {map[string][]byte{trainImages: images, trainLabels: idxOf(8, ramp(0, 3), 3)}, "2 images in " + trainImages + ", but 3 labels in " + trainLabels, "do not belong together"},
		"label rank":        {map[string][]byte{trainImages: images, trainLabels: idxOf(8, ramp(0, 2), 2, 1)}, trainLabels + ": an array [2 1] does not hold one label a sample", ""},
		"float labels":      {map[string][]byte{trainImages: images, trainLabels: idxOf(0x0e, make([]float64, 2), 2)}, trainLabels + ": labels are not integers", ""},
		"labels alone":      {map[string][]byte{trainLabels: labels}, trainLabels + ": there are no images to these labels", ""},
		"several families":  {map[string][]byte{"a-" + trainImages: images, "b-" + trainImages: images}, "several IDX data sets", "folder of its own"},
		"twice":             {map[string][]byte{trainImages: images, "train-images.idx3-ubyte": images}, "both train-images-idx3-ubyte and train-images.idx3-ubyte", ""},
		"IDX and CIFAR":     {map[string][]byte{trainImages: images, "test_batch.bin": nil}, "both IDX and CIFAR files", "folder of its own"},
		"label beyond 2":    {map[string][]byte{trainImages: images, trainLabels: idxOf(8, []byte{0, 2}, 2)}, "sample 1 has label 2, but the model has 2 classes", "from 0 to 1"},
		"no samples at all": {map[string][]byte{trainImages: idxOf(8, []byte{}, 0, 2, 3)}, "no samples", ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := model(-1, 1, 2, 3)
			spec.Classes = 2
			_, err := Open(tree(t, tt.files), spec)
			wantError(t, err, tt.text, tt.hinted)
		})
	}
}

func TestImageInputErrors(t *testing.T) {
	folder := tree(t, map[string][]byte{trainImages: idxOf(8, ramp(0, 12), 2, 2, 3)})
	for name, tt := range map[string]struct {
		spec         Spec
		text, hinted string
	}{
		"two inputs": {Spec{Inputs: []Input{{Name: "a", Shape: nil, DType: 0}, {Name: "b", Shape: nil, DType: 0}}}, `images feed one input, but the model has "a", "b"`, "an array for each input"},
		"integers":   {Spec{Inputs: []Input{{Name: "a", Shape: []int{-1, 6}, DType: nd.Int64}}}, `images become float32, but input "a" wants int64`, ".npz"},
		"channels":   {model(-1, 8, 2, 8), `input "x", [N 8 2 8], does not take grey or RGB images`, ".npz"},
		"rank 5":     {model(-1, 1, 2, 3, 4), `input "x", [N 1 2 3 4], does not take`, ".npz"},
		"rank 0":     {Spec{Inputs: []Input{{Name: "x", Shape: []int{}, DType: nd.Float32}}}, `input "x", [], does not take`, ".npz"},
		"flat":       {model(-1, 7), `images are 2×3 grey, but input "x" wants [N 7]`, "say how to resize"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(folder, tt.spec)
			wantError(t, err, tt.text, tt.hinted)
		})
	}
}

// An axis that is fixed to 1 or 3 tells channels first from channels last.
func TestFrames(t *testing.T) {
	for _, tt := range []struct {
		shape       []int
		g           geometry
		interleaved bool
	}{
		{[]int{-1, 3, 32, 32}, geometry{3, 32, 32}, false},
		{[]int{-1, 32, 32, 3}, geometry{3, 32, 32}, true},
		{[]int{-1, -1, -1, 3}, geometry{3, 32, 32}, true},
		{[]int{-1, 3, -1, -1}, geometry{3, 32, 32}, false},
		{[]int{-1, -1, -1, -1}, geometry{3, 32, 32}, false},
		{[]int{-1, 3, 224, 3}, geometry{3, 224, 3}, false},
		{[]int{-1, 3, 224, 3}, geometry{3, 3, 224}, true},
		{[]int{-1, 1, 28, 1}, geometry{1, 1, 28}, true},
	} {
		f, err := exactFrame(Input{Name: "x", Shape: tt.shape}, tt.g, Spec{})
		if err != nil {
			t.Error(err)
			continue
		}
		if f.geometry != tt.g || f.interleaved != tt.interleaved {
			t.Errorf("%v for %v: %+v", tt.shape, tt.g, f)
		}
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idxOf(8, ramp(0, 12), 2, 2, 3), false)
	f.Add(idxOf(8, ramp(0, 12), 1, 2, 2, 3), true)
	f.Add(idxOf(0x0c, []int32{1, -2}, 2), false)
	f.Add(idxOf(8, []byte{}, 1<<31, 28, 28), true)
	f.Fuzz(func(t *testing.T, file []byte, bounded bool) {
		size := int64(len(file))
		if bounded {
			size *= 2
		}
		x, err := parseIDX(bytes.NewReader(file), size, bounded)
		if err != nil {
			return
		}
		if want := nd.Size(x.dims) * idxSizes[x.kind]; len(x.data) != want {
			t.Fatalf("%d bytes for %v of type %#x", len(x.data), x.dims, x.kind)
		}
		if labels, err := x.labels(); err == nil && len(labels) != x.dims[0] {
			t.Fatalf("%d labels for %v", len(labels), x.dims)
		}
		im, err := x.images(Input{Name: "x"}, Spec{})
		if err != nil || im.n == 0 {
			return
		}
		last, err := im.batch([]int{im.n - 1})
		if err != nil || last["x"].Len() != len(x.data)/im.n {
			t.Fatalf("last image of %v: %v, %v", x.dims, last, err)
		}
	})
}
