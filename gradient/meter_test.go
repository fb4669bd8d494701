package gradient

import (
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// TestMeter: work is the multiply-adds of all products, those inside of recurrent layers
// included.
func TestMeter(t *testing.T) {
	m, err := onnxio.Open("../testdata/heads/lines.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const n = 2
	meter := new(Meter)
	p, err := Compile(m, Config{Shapes: map[string][]int{"x": {n, 1, 8, 32}}, Meter: meter})
	if err != nil {
		t.Fatal(err)
	}
	before := meter.Work()
	outputs, err := p.Forward(map[string]nd.Array{"x": nd.New(nd.Float32, n, 1, 8, 32)})
	if err != nil {
		t.Fatal(err)
	}
	steps := outputs[0].Len() / (n * 11)
	convolutions := n * (12*8*32*9 + 16*(4*32)*12*9)
	recurrent := n * steps * 2 * 72 * (48 + 24)
	products := int64(convolutions + recurrent + n*steps*48*11)
	if work := meter.Work() - before; work < products || work > products*11/10 {
		t.Errorf("%d multiply-adds were counted; products take %d, and there is little else", work, products)
	}
}
