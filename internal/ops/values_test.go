package ops

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
	"gorgonia.org/gorgonia"
)

// valueTest is a node whose inputs are all known, with its expected output.
type valueTest struct {
	testNode
	want nd.Array
}

// checkValues builds each node on constants and compares its output.
func checkValues(t *testing.T, tests []valueTest) {
	t.Helper()
	for _, n := range tests {
		t.Run(n.String(), func(t *testing.T) {
			y, _, err := n.build(NewBuilder(nil))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := y.Constant()
			if !ok {
				t.Fatal("the output of a node on constants is not known while compiling")
			}
			if err := sameArray(got, n.want); err != nil {
				t.Error(err)
			}
		})
	}
}

// sameArray compares exactly, except for rounding of floats. NaN equals NaN.
func sameArray(got, want nd.Array) error {
	if got.DType() != want.DType() || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("%v%v, want %v%v", got.DType(), got.Shape, want.DType(), want.Shape)
	}
	if want.DType() != nd.Float32 {
		if g, w := fmt.Sprint(got.Data), fmt.Sprint(want.Data); g != w {
			return fmt.Errorf("%s, want %s", g, w)
		}
		return nil
	}
	for i, w := range want.Float32s() {
		g := got.Float32s()[i]
		if g != w && !(math.Abs(float64(g-w)) <= 1e-5*max(1, math.Abs(float64(w)))) && !(g != g && w != w) {
			return fmt.Errorf("element %d is %v, want %v; whole: %v, want %v", i, g, w, got.Float32s(), want.Float32s())
		}
	}
	return nil
}

// failureTest is a node that cannot be built, and a part of the error's text.
type failureTest struct {
	testNode
	want        string
	unsupported bool
}

func checkFailures(t *testing.T, tests []failureTest) {
	t.Helper()
	for _, n := range tests {
		t.Run(n.String(), func(t *testing.T) {
			_, _, err := n.build(NewBuilder(nil))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), n.want) {
				t.Errorf("error %q does not say %q", err, n.want)
			}
			if errors.Is(err, ErrUnsupported) != n.unsupported {
				t.Errorf("error %q: unsupported is %v, want %v", err, !n.unsupported, n.unsupported)
			}
		})
	}
}

// gradientOf returns the gradient of Σ y·seed by the leaf x, at given elements.
func gradientOf(t *testing.T, b *Builder, y, x *Value, leaves map[*Value]nd.Array, seed nd.Array) nd.Array {
	t.Helper()
	s := b.Variable("seed", nd.Float32, y.Shape...)
	leaves[s] = seed
	nodes, err := gorgonia.Grad(b.Node(b.Dot(y, s)), b.Node(x))
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.Value(nodes[0])
	if err != nil {
		t.Fatal(err)
	}
	return evaluate(g, leaves, map[*Value]nd.Array{})
}

// bools makes a constant input.
func bools(v ...bool) nd.Array { return nd.Of(v, len(v)) }
