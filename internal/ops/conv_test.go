package ops

import (
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestWindowFailures: invalid windows are rejected before memory is allocated.
func TestWindowFailures(t *testing.T) {
	x, w := []int{1, 1, 4, 4}, []int{1, 1, 2, 2}
	attr := func(name string, v ...int) map[string]any { return map[string]any{name: v} }
	for name, c := range map[string]struct {
		op    string
		attrs map[string]any
		want  string
	}{
		"negative padding":        {"Conv", attr("pads", 0, -1, 0, 0), "pads"},
		"padding for one axis":    {"Conv", attr("pads", 1, 1), "pads"},
		"huge padding":            {"Conv", attr("pads", 1<<28, 1<<28, 1<<28, 1<<28), "padded input"},
		"overflowing padding":     {"Conv", attr("pads", 1<<62, 1<<62, 1<<62, 1<<62), "pads"},
		"dilation beyond the end": {"Conv", attr("dilations", 9, 1), "window of 10"},
		"overflowing dilation":    {"Conv", attr("dilations", 1<<62, 1), "dilations"},
		"stride of 0":             {"Conv", attr("strides", 0, 1), "strides"},
		"transposed, huge":        {"ConvTranspose", attr("strides", 1<<28, 1<<28), "padded input"},
		"negative output padding": {"ConvTranspose", attr("output_padding", -1, 0), "output_padding"},
		"output without elements": {"ConvTranspose", attr("output_shape", 0, 5), "output of 0"},
	} {
		_, _, err := testNode{op: c.op, attrs: c.attrs, inputs: []any{x, w}}.build(NewBuilder(nil))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

// A stride has no effect if there is one window, however large the stride is.
func TestSingleWindow(t *testing.T) {
	x := []int{1, 1, 4, 4}
	for _, n := range []testNode{
		{op: "Conv", attrs: map[string]any{"strides": []int{1 << 30, 1}}, inputs: []any{x, []int{1, 1, 2, 2}}},
		{op: "MaxPool", attrs: map[string]any{"strides": []int{1 << 30, 1}, "kernel_shape": []int{2, 2}}, inputs: []any{x}},
	} {
		y, _, err := n.build(NewBuilder(nil))
		if err != nil || !slices.Equal(y.Shape, []int{1, 1, 1, 3}) {
			t.Errorf("%s: %v, %v", n.op, y, err)
		}
		check(t, n)
	}
	transposed := testNode{op: "ConvTranspose", attrs: map[string]any{"strides": []int{1 << 30, 2}}, inputs: []any{nd.Of([]float32{1, 2}, 1, 1, 1, 2), nd.Of([]float32{1, 10}, 1, 1, 1, 2)}}
	y, _, err := transposed.build(NewBuilder(nil))
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := y.Constant(); !ok || !slices.Equal(a.Float32s(), []float32{1, 10, 2, 20}) {
		t.Errorf("ConvTranspose: %v", a)
	}
}
