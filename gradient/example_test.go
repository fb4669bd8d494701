package gradient_test

import (
	"fmt"
	"log"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// Compute the gradient of the cross-entropy with respect to every weight.
func Example() {
	m, err := onnxio.Open("../testdata/corpus/conv_batchnorm__ts.onnx")
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	const batch = 2 // as the file has it
	p, err := gradient.Compile(m, gradient.Config{
		Shapes:    map[string][]int{"x": {batch, 2, 8, 8}},
		Gradients: gradient.All,
	})
	if err != nil {
		log.Fatal(err)
	}

	images := nd.Array{Shape: []int{batch, 2, 8, 8}, Data: make([]float32, batch*2*8*8)}
	labels := []int{0, 1}
	loss, outputs, err := p.Gradients(map[string]nd.Array{"x": images}, gradient.CrossEntropy(labels))
	if err != nil {
		log.Fatal(err)
	}
	weights, _ := p.Gradient("9.weight") // the last layer's, [3,4]
	fmt.Printf("logits %v, loss %.3f, %d gradients\n", outputs[0].Shape, loss, len(weights))
	// Output: logits [2 3], loss 1.118, 12 gradients
}
