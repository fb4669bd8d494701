package onnxio

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

func TestIndices(t *testing.T) {
	for name, list := range map[string][]int64{
		"none":       nil,
		"one":        {0},
		"neighbours": {0, 1, 2, 3, 130, 131},
		"far":        {5, 1 << 20, 1 << 40, math.MaxInt64},
		"descending": {3, 2, -1}, // kept as it is, for Validate to see
	} {
		x := IndicesOf(list...)
		if got := slices.Collect(x.All()); !slices.Equal(got, list) || x.Len() != len(list) {
			t.Errorf("%s: %d of %v", name, x.Len(), got)
		}
		again, err := ParseIndices(x.Distances())
		if err != nil || !again.Equal(x) || again.Len() != x.Len() || again.last != x.last {
			t.Errorf("%s: %v, %v after parsing", name, again, err)
		}
		again.Append(7)
		if got := slices.Collect(again.All()); !slices.Equal(got, append(slices.Clone(list), 7)) {
			t.Errorf("%s: %v with 7", name, got)
		}
	}
	for name, data := range map[string][]byte{
		"ends inside": {1, 0x80},
		"too large":   bytes.Repeat([]byte{0xff}, 10),
	} {
		if x, err := ParseIndices(data); err == nil {
			t.Errorf("%s: %v", name, x)
		}
	}
	long, err := ParseIndices([]byte{0x85, 0x80, 0x00, 1})
	if err != nil || !long.Equal(IndicesOf(5, 6)) || long.Len() != 2 {
		t.Errorf("numbers in more bytes than needed: %v, %v", long, err)
	}
}
