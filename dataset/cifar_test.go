package dataset

import (
	"bytes"
	"slices"
	"testing"
)

// cifarRecord has the given labels and the pixel values r, g and b throughout.
func cifarRecord(labels string, r, g, b byte) []byte {
	out := []byte(labels)
	for _, v := range []byte{r, g, b} {
		out = append(out, bytes.Repeat([]byte{v}, 32*32)...)
	}
	return out
}

func TestCIFAR(t *testing.T) {
	one, two, three := cifarRecord("\x01", 10, 20, 30), cifarRecord("\x02", 40, 50, 60), cifarRecord("\x03", 70, 80, 90)
	hundred := cifarRecord("\x0c\x63", 10, 20, 30)
	for name, tt := range map[string]struct {
		files  map[string][]byte
		split  Split
		labels []int
		red    []byte // of each image
		about  string
	}{
		"train": {map[string][]byte{"data_batch_2.bin": two, "data_batch_10.bin.gz": gz(t, three), "data_batch_1.bin": one, "test_batch.bin": one},
			Train, []int{1, 2, 3}, []byte{10, 40, 70}, "CIFAR-10, train split"},
		"test":         {map[string][]byte{"data_batch_1.bin": one, "test_batch.bin.gz": gz(t, slices.Concat(three, two))}, Test, []int{3, 2}, []byte{70, 40}, "CIFAR-10, test split"},
		"plain and gz": {map[string][]byte{"data_batch_1.bin": one, "data_batch_1.bin.gz": gz(t, one), "data_batch_2.bin": two}, "", []int{1, 2}, []byte{10, 40}, "CIFAR-10, train split"},
		"CIFAR-100":    {map[string][]byte{"train.bin": hundred, "test.bin": nil}, "", []int{99}, []byte{10}, "CIFAR-100, train split"},
		"100 test":     {map[string][]byte{"train.bin": nil, "test.bin": hundred}, Test, []int{99}, []byte{10}, "CIFAR-100, test split"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := tree(t, tt.files)
			spec := model(-1, 3, 32, 32)
			spec.Split = tt.split
			s := mustOpen(t, folder, spec)
			if !slices.Equal(s.Labels(), tt.labels) {
				t.Errorf("labels %v, want %v", s.Labels(), tt.labels)
			}
			if got, want := s.source.about(), tt.about+", 32×32 RGB images"; got != want {
				t.Errorf("about %q, want %q", got, want)
			}
			planar := all(t, s)
			spec.Inputs[0].Shape = []int{-1, 32, 32, 3}
			pixels := all(t, mustOpen(t, folder, spec))
			for i, red := range tt.red {
				for c := range 3 {
					want := float32(red+byte(10*c)) / 255
					if got := planar.Float32s()[i*3072+c*1024+1023]; got != want {
						t.Errorf("image %d, NCHW, channel %d: %v, want %v", i, c, got, want)
					}
					if got := pixels.Float32s()[i*3072+1023*3+c]; got != want {
						t.Errorf("image %d, NHWC, channel %d: %v, want %v", i, c, got, want)
					}
				}
			}
		})
	}
}

func TestCIFARErrors(t *testing.T) {
	good := cifarRecord("\x01", 1, 2, 3)
	for name, tt := range map[string]struct {
		files        map[string][]byte
		shape        []int
		text, hinted string
	}{
		"cut":        {map[string][]byte{"data_batch_1.bin": good[:3000]}, []int{-1, 3, 32, 32}, "data_batch_1.bin: 3000 bytes are not a whole number of CIFAR-10 records of 3073 bytes", "again"},
		"empty":      {map[string][]byte{"test_batch.bin": nil}, []int{-1, 3, 32, 32}, "test_batch.bin: empty file", ""},
		"label":      {map[string][]byte{"data_batch_1.bin": slices.Concat(good, cifarRecord("\x0a", 1, 2, 3))}, []int{-1, 3, 32, 32}, "record 1 has label 10: not a CIFAR-10 file", ""},
		"gz cut":     {map[string][]byte{"test_batch.bin.gz": gz(t, good)[:40]}, []int{-1, 3, 32, 32}, "test_batch.bin.gz: truncated", "again"},
		"100 as 10":  {map[string][]byte{"train.bin": good}, []int{-1, 3, 32, 32}, "train.bin: 3073 bytes are not a whole number of CIFAR-100 records", "again"},
		"model size": {map[string][]byte{"data_batch_1.bin": good}, []int{-1, 3, 28, 28}, `images are 32×32 RGB, but input "x" wants [N 3 28 28]`, "say how to resize"},
		"grey model": {map[string][]byte{"data_batch_1.bin": good}, []int{-1, 1, 32, 32}, `images are 32×32 RGB, but input "x" wants [N 1 32 32]`, "say how to resize"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(tree(t, tt.files), model(tt.shape...))
			wantError(t, err, tt.text, tt.hinted)
		})
	}
}

func FuzzCIFAR(f *testing.F) {
	f.Add(cifarRecord("\x01", 1, 2, 3), false)
	f.Add(cifarRecord("\x01\x63", 1, 2, 3), true)
	f.Add([]byte{0}, true)
	f.Fuzz(func(t *testing.T, file []byte, hundred bool) {
		classes := 10
		if hundred {
			classes = 100
		}
		pixels, labels, err := parseCIFAR(file, classes)
		if err != nil {
			return
		}
		if len(pixels) != len(labels) || len(labels) != len(file)/(3073+classes/100) {
			t.Fatalf("%d images, %d labels in %d bytes", len(pixels), len(labels), len(file))
		}
		for i := range labels {
			if labels[i] >= classes || len(pixels[i]) != 3072 {
				t.Fatalf("image %d: label %d, %d bytes", i, labels[i], len(pixels[i]))
			}
		}
	})
}
