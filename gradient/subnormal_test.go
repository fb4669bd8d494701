package gradient

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/nd"
)

// TestSubnormal: products take weights below 2⁻¹²⁶ for zero, because they take a hundred times as
// long; what works element by element does not, because a logarithm tells them from zero.
func TestSubnormal(t *testing.T) {
	restore := simd.FlushSubnormals()
	flushes := simd.Flushing()
	restore()
	if !flushes {
		t.Skip("this processor loses no time by them")
	}
	b := newModel().input("x", -1, 8).weight("w", 8, 8).weight("v", 8).
		node("MatMul", []string{"x", "w"}, []string{"y"}).
		node("Mul", []string{"x", "v"}, []string{"z"}).
		output("y", "z")
	for _, w := range b.graph.Initializer {
		for i := 0; i < len(w.RawData); i += 4 {
			binary.LittleEndian.PutUint32(w.RawData[i:], math.Float32bits(0x1p-140))
		}
	}
	p, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": {2, 8}}})
	if err != nil {
		t.Fatal(err)
	}
	x := nd.New(nd.Float32, 2, 8)
	for i := range x.Float32s() {
		x.Float32s()[i] = 0x1p100
	}
	outputs, err := p.Forward(map[string]nd.Array{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	if y, z := outputs[0].Float32s()[0], outputs[1].Float32s()[0]; y != 0 || z != 0x1p-40 {
		t.Errorf("a sum of products is %g and a product of elements %g, want 0 and 2⁻⁴⁰", y, z)
	}
}
