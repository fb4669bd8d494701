package gradient

import (
	"testing"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestChosen: what chooses an output is found behind casts and logarithms. The numbers that a TopK finds are
// not chosen by scores, but scores; and those of the smallest are no scores of what is best.
func TestChosen(t *testing.T) {
	node := func(op string, out []string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Input: in, Output: out}
	}
	largest, zero := "largest", int64(0)
	lowest := node("TopK", []string{"small", "nearest"}, "p", "k")
	lowest.Attribute = []*onnxpb.AttributeProto{{Name: &largest, I: &zero}}
	o := OriginsOf(&onnxpb.GraphProto{Node: []*onnxpb.NodeProto{
		node("Softmax", []string{"p"}, "x"), node("Log", []string{"logs"}, "p"), node("ArgMax", []string{"class"}, "p"), node("Cast", []string{"byte"}, "class"),
		node("TopK", []string{"numbers", "best"}, "logs", "k"), node("Cast", []string{"few"}, "best"), lowest, node("Cast", []string{"loop"}, "loop"),
	}})
	for output, want := range map[string]string{"class": "p", "byte": "p", "best": "p", "few": "p", "numbers": "", "nearest": "", "small": "", "x": "", "loop": ""} {
		if got := o.Chosen(output); got != want {
			t.Errorf("%s is chosen from %q, want %q", output, got, want)
		}
	}
}
