package verify_test

import (
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

func TestSpec(t *testing.T) {
	look := task.Outlook{Inputs: []gradient.Input{{Name: "x", Shape: []int{-1, 2}, DType: nd.Float32}}, Shape: []int{-1, 2}}
	two := verify.Spec(look)
	if in := two.Inputs; len(in) != 1 || in[0].Name != "x" || in[0].DType != nd.Float32 || len(in[0].Shape) != 2 || two.Classes != 2 {
		t.Errorf("%+v", two)
	}
	look.Shape = []int{-1, 1}
	if one := verify.Spec(look); one.Classes != 0 {
		t.Errorf("one value a sample: %+v", one)
	}
}
