package advparams_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
)

// TestFewClasses: two classes cannot lock a model of sixteen, and nothing is written.
func TestFewClasses(t *testing.T) {
	model, folder := demo(t)
	all, err := dataset.Open(folder, dataset.Spec{Inputs: []dataset.Input{{Name: "input", Shape: []int{-1, 1, 28, 28}}}, DefaultSplit: dataset.Train, Limit: 600})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		classes []int
		want    bool
	}{{[]int{0, 1}, true}, {[]int{3}, true}, {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, false}} {
		var rows []int
		for i, label := range all.Labels() {
			if slices.Contains(c.classes, label) {
				rows = append(rows, i)
			}
		}
		var locked, key bytes.Buffer
		_, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: model, Data: advparams.Data{Samples: all.Subset(rows)}, LockedTo: &locked, KeyTo: &key, PlainKey: true,
		})
		few, is := errors.AsType[*advparams.FewClassesError](err)
		if is != c.want || is && (few.Seen != len(c.classes) || few.Classes != 16) || is && locked.Len()+key.Len() > 0 {
			t.Errorf("classes %v: %v, %d bytes written", c.classes, err, locked.Len()+key.Len())
		}
	}
}
