package synth

import (
	"testing"

	"github.com/advparams/advparams/gradient"
)

// TestExample: what to give is said with the sizes that the model declares.
func TestExample(t *testing.T) {
	inner := &gradient.Axes{Inputs: map[string]int{"x": 1}}
	for _, c := range []struct {
		axes  *gradient.Axes
		shape []int
		dims  []string
		want  string
	}{
		{nil, []int{-1, 3, -1, -1}, []string{"batch", "", "height", ""}, "3,height,D with a number for height and D"},
		{inner, []int{-1, -1, 40}, []string{"time", "batch", ""}, "time,40 with a number for time"},
		{nil, []int{-1, -1, -1}, []string{"n", "side", "side"}, "side,side with a number for side"},
		{nil, nil, nil, "3,224,224"},
	} {
		e := &ShapeError{Sample: sizesOf(c.axes, gradient.Input{Name: "x", Shape: c.shape, Dims: c.dims})}
		if got := e.Example(); got != c.want {
			t.Errorf("%v %q: %q, want %q", c.shape, c.dims, got, c.want)
		}
	}
}
