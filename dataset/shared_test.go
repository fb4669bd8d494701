package dataset

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sharedData returns a folder of real data that lies beside the repository.
func sharedData(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("unpacks large files")
	}
	path := filepath.Join("..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s beside the repository", filepath.Join("shared", "data", name))
	}
	return path
}

func histogram(labels []int, classes int) []int {
	out := make([]int, classes)
	for _, label := range labels {
		out[label]++
	}
	return out
}

// The checksums are NumPy's, of the first 100 images as the models take them.
func TestRealDataAgreesWithNumPy(t *testing.T) {
	even := slices.Repeat([]int{1000}, 10)
	cifarMean, cifarStd := []float32{0.4914, 0.4822, 0.4465}, []float32{0.247, 0.2435, 0.2616}
	for _, tt := range []struct {
		name      string
		split     Split
		dims      []int
		mean, std []float32
		first     []int // labels
		histogram []int
		checksum  uint32
	}{
		{"fashion-mnist", Test, []int{-1, 1, 28, 28}, []float32{0.286}, []float32{0.353}, []int{6, 3, 9, 9, 1, 2, 8, 8}, even, 0x83257a8b},
		{"fashion-mnist", Train, []int{-1, 1, 28, 28}, []float32{0.286}, []float32{0.353}, []int{0, 3, 4, 7, 9, 0, 9, 8}, slices.Repeat([]int{6000}, 10), 0x5341739d},
		{"cifar10", Test, []int{-1, 3, 32, 32}, cifarMean, cifarStd, []int{9, 5, 4, 5, 6, 1, 1, 0}, even, 0xe2120d1a},
		{"cifar10", Train, []int{-1, 3, 32, 32}, cifarMean, cifarStd, []int{2, 6, 4, 0, 0, 4, 5, 8},
			[]int{1032, 1003, 979, 978, 1037, 980, 976, 1016, 984, 1015}, 0x4d47e821},
	} {
		t.Run(tt.name+" "+string(tt.split), func(t *testing.T) {
			spec := model(tt.dims...)
			spec.Split, spec.Preprocess.Mean, spec.Preprocess.Std, spec.Classes, spec.NeedLabels = tt.split, tt.mean, tt.std, 10, true
			s := mustOpen(t, sharedData(t, tt.name), spec)
			if !slices.Equal(s.Labels()[:8], tt.first) {
				t.Errorf("labels %v, want %v", s.Labels()[:8], tt.first)
			}
			if got := histogram(s.Labels(), 10); !slices.Equal(got, tt.histogram) {
				t.Errorf("classes %v, want %v", got, tt.histogram)
			}
			batch, err := s.Batch(0, 100)
			if err != nil {
				t.Fatal(err)
			}
			var raw bytes.Buffer
			binary.Write(&raw, binary.LittleEndian, batch["x"].Float32s())
			if got := crc32.ChecksumIEEE(raw.Bytes()); got != tt.checksum {
				t.Errorf("checksum %#x, want %#x", got, tt.checksum)
			}
		})
	}
}

// JPEG decoders may round differently; beyond that the pixels are Pillow's.
func TestRealImagesAgreeWithPillow(t *testing.T) {
	spec := model(-1, 3, 32, 32)
	spec.Classes = 10
	s := mustOpen(t, sharedData(t, "cifar10-folder"), spec)
	if got := histogram(s.Labels(), 10); !slices.Equal(got, slices.Repeat([]int{40}, 10)) || !slices.IsSorted(s.Labels()) {
		t.Errorf("classes %v", got)
	}
	x := all(t, s)
	if !slices.Equal(x.Shape, []int{400, 3, 32, 32}) {
		t.Fatalf("shape %v", x.Shape)
	}
	var mean [3]float64
	for i, v := range x.Float32s() {
		mean[i/1024%3] += float64(v) * 255 / (400 * 1024)
	}
	for c, want := range pillowMean {
		if math.Abs(mean[c]-want) > 0.05 {
			t.Errorf("channel %d: mean %.4f, want %.4f", c, mean[c], want)
		}
	}
	for i, want := range pillowPixels {
		for c := range 3 {
			got := float64(x.Float32s()[i*40*3072+c*1024+15*32+15]) * 255
			if math.Abs(got-want[c]) > 2.5 {
				t.Errorf("image %d, channel %d: %.0f, want %.0f", i*40, c, got, want[c])
			}
		}
	}
}

var pillowMean = [3]float64{127.0095, 124.3849, 115.2034}

// pillowPixels is the pixel (15,15) of the first image of each class.
var pillowPixels = [10][3]float64{{211, 203, 218}, {30, 38, 49}, {125, 200, 133}, {132, 118, 105}, {57, 72, 101}, {160, 141, 111}, {165, 137, 113}, {251, 249, 250}, {212, 226, 237}, {137, 137, 145}}
