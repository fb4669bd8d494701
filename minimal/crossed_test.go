package minimal

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// TestCrossed: samples are put together from two different ones, with all inputs cut at the same
// place, and those that cannot be cut are those of the first.
func TestCrossed(t *testing.T) {
	const n, length = 8, 12
	tokens, mask, speaker := nd.New(nd.Int64, n, length), nd.New(nd.Float32, n, 2, length), nd.New(nd.Int64, n, 1)
	for i := range n {
		speaker.Int64s()[i] = int64(i)
		for k := range length {
			tokens.Int64s()[i*length+k] = int64(i)
			for c := range 2 {
				mask.Float32s()[(i*2+c)*length+k] = float32(i)
			}
		}
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"tokens": tokens, "mask": mask, "speaker": speaker}, "made")
	if err != nil {
		t.Fatal(err)
	}
	inputs := []gradient.Input{{Name: "tokens"}, {Name: "mask"}, {Name: "speaker"}}
	one, err := crossed(set, inputs, 1)
	if err != nil {
		t.Fatal(err)
	}
	if one.Len() != mostCrossed {
		t.Errorf("%d samples", one.Len())
	}
	batch, err := one.Batch(0, one.Len())
	if err != nil {
		t.Fatal(err)
	}
	cuts := map[int]bool{}
	for i := range one.Len() {
		row := batch["tokens"].Int64s()[i*length : (i+1)*length]
		cut := slices.IndexFunc(row, func(v int64) bool { return v != row[0] })
		if row[0] != int64(i%n) || cut < 1 || slices.ContainsFunc(row[max(cut, 0):], func(v int64) bool { return v != row[length-1] }) {
			t.Fatalf("sample %d: %v", i, row)
		}
		cuts[cut] = true
		for c := range 2 {
			for k, v := range batch["mask"].Float32s()[(i*2+c)*length : (i*2+c+1)*length] {
				if v != float32(row[k]) {
					t.Fatalf("sample %d: the mask is of other samples: %v at %d", i, v, k)
				}
			}
		}
		if batch["speaker"].Int64s()[i] != row[0] {
			t.Errorf("sample %d has the speaker of another", i)
		}
	}
	if len(cuts) < 3 {
		t.Errorf("all cuts are the same: %v", cuts)
	}
	two, err := crossed(set, inputs, 2)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := two.Batch(0, two.Len()); err != nil || slices.Equal(other["tokens"].Int64s(), batch["tokens"].Int64s()) {
		t.Errorf("another seed gives the same samples, %v", err)
	}
	if none, err := crossed(set, inputs[2:], 1); none != nil || err != nil {
		t.Errorf("samples of one number each were cut: %v", err)
	}
}
