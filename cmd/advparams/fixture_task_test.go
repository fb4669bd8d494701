package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// taskModel is a small model for another task than classification. Those of
// numbers and bits are the classifier, whose outputs are sums of features.
func taskModel(what string) *onnxpb.ModelProto {
	m := classifier(1)
	switch g := m.Graph; what {
	case "model-number", "model-bit": // the first output alone, as a number or a probability
		w, b := g.Initializer[2], g.Initializer[3]
		w.Dims[1], b.Dims[0], b.RawData = 1, 1, b.RawData[:4]
		var column []float32
		for i := range features {
			column = append(column, w.FloatData[i*classes])
		}
		w.FloatData = column
		g.Output[0] = tensorValue("y", 0, 1)
		if what == "model-bit" {
			sigmoid(g)
		}
	case "model-bits":
		sigmoid(g)
	case "model-pixels":
		return pixelClassifier()
	case "model-language":
		return bigrams()
	}
	return m
}

// sigmoid puts a Sigmoid behind the output.
func sigmoid(g *onnxpb.GraphProto) {
	g.Node = append(g.Node, node("Sigmoid", "p", "y"))
	g.Output[0].Name = proto.String("p")
}

// noisy returns rows × columns values near those of f.
func noisy(rng *rand.Rand, rows, columns int, f func(i, j int) float32) []float32 {
	out := make([]float32, rows*columns)
	for k := range out {
		out[k] = f(k/columns, k%columns) + float32(rng.Float64()-0.5)/10
	}
	return out
}

const (
	colours = 3 // channels of the images, and classes of their pixels
	side    = 6
)

// pixelClassifier is two convolutions, the class of a pixel being its brightest
// channel.
func pixelClassifier() *onnxpb.ModelProto {
	rng := rand.New(rand.NewPCG(6, 0))
	diagonal := func(i, j int) float32 {
		if i%colours == j%colours {
			return 1
		}
		return -0.3
	}
	zero := func(int, int) float32 { return 0 }
	m := classifier(1)
	m.Graph = &onnxpb.GraphProto{
		Name:   proto.String("pixels"),
		Input:  []*onnxpb.ValueInfoProto{tensorValue("x", 0, colours, side, side)},
		Output: []*onnxpb.ValueInfoProto{tensorValue("y", 0, colours, side, side)},
		Node: []*onnxpb.NodeProto{
			node("Conv", "hidden", "x", "conv1/weight", "conv1/bias"),
			node("Relu", "active", "hidden"),
			node("Conv", "y", "active", "conv2/weight", "conv2/bias"),
		},
		Initializer: []*onnxpb.TensorProto{
			raw("conv1/weight", noisy(rng, 2*colours, colours, diagonal), 2*colours, colours, 1, 1), raw("conv1/bias", noisy(rng, 1, 2*colours, zero), 2*colours),
			raw("conv2/weight", noisy(rng, colours, 2*colours, diagonal), colours, 2*colours, 1, 1), raw("conv2/bias", noisy(rng, 1, colours, zero), colours),
		},
	}
	return m
}

// letters is the size of the language's alphabet. Each letter is followed by
// another one in nine cases of ten.
const letters = 8

func follows(letter int) int { return (3*letter + 1) % letters }

// bigrams predicts each next letter from the one before.
func bigrams() *onnxpb.ModelProto {
	rng := rand.New(rand.NewPCG(7, 0))
	same := func(i, j int) float32 {
		if i == j {
			return 2
		}
		return 0
	}
	next := func(i, j int) float32 {
		if follows(i) == j {
			return 2
		}
		return 0
	}
	in := tensorValue("input_ids", 0, 0)
	in.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	m := classifier(1)
	m.Graph = &onnxpb.GraphProto{
		Name:   proto.String("bigrams"),
		Input:  []*onnxpb.ValueInfoProto{in},
		Output: []*onnxpb.ValueInfoProto{tensorValue("y", 0, 0, letters)},
		Node: []*onnxpb.NodeProto{
			node("Gather", "x", "table", "input_ids"),
			node("MatMul", "product", "x", "mix"),
			node("Add", "hidden", "product", "bias"),
			node("Relu", "active", "hidden"),
			node("MatMul", "y", "active", "head"),
		},
		Initializer: []*onnxpb.TensorProto{
			raw("table", noisy(rng, letters, letters, same), letters, letters), raw("mix", noisy(rng, letters, letters, same), letters, letters),
			raw("bias", noisy(rng, 1, letters, func(_, j int) float32 { return float32(j%2) - 0.5 }), letters), raw("head", noisy(rng, letters, letters, next), letters, letters),
		},
	}
	return m
}

// writeTask writes n samples for one of the models of taskModel: what is needed
// of an .npz or, where the path ends so, a .csv.
func writeTask(path, what string, n int) error {
	rng := rand.New(rand.NewPCG(uint64(n), 9))
	switch what {
	case "data-pixels":
		return writePixels(path, rng, n)
	case "data-language":
		const length = 12
		ids := nd.New(nd.Int64, n, length)
		letter := 0
		for i := range ids.Int64s() {
			if letter = follows(letter); i%length == 0 || rng.IntN(10) == 0 {
				letter = rng.IntN(letters)
			}
			ids.Int64s()[i] = int64(letter)
		}
		return writeNPZ(path, dataset.Named{Name: "input_ids", Array: ids})
	}
	x := nd.New(nd.Float32, n, features)
	bits, sums := nd.New(nd.Int64, n, classes), nd.New(nd.Float32, n, classes)
	for i := range n {
		for c := range classes {
			bits.Int64s()[i*classes+c] = int64(rng.IntN(2))
		}
		row := x.Float32s()[i*features : (i+1)*features]
		for j := range row {
			row[j] = float32(rng.Float64()/2) + float32(bits.Int64s()[i*classes+j/perClass])/2
			for c := range classes {
				weight := float32(-0.3)
				if j/perClass == c {
					weight = 0.7
				}
				sums.Float32s()[i*classes+c] += weight * row[j]
			}
		}
	}
	var labels nd.Array
	switch what {
	case "data-number":
		labels = firstColumn(sums)
	case "data-numbers":
		labels = sums
	case "data-bit":
		labels = firstColumn(bits)
	case "data-bits":
		labels = bits
	}
	if strings.HasSuffix(path, ".csv") {
		return writeTable(path, x, labels.Float32s())
	}
	return writeNPZ(path, dataset.Named{Name: "x", Array: x}, dataset.Named{Name: "labels", Array: labels})
}

// firstColumn returns the first element of each row.
func firstColumn(a nd.Array) nd.Array {
	n := a.Shape[0]
	if a.DType() == nd.Int64 {
		out := nd.New(nd.Int64, n)
		for i := range n {
			out.Int64s()[i] = a.Int64s()[i*a.Shape[1]]
		}
		return out
	}
	out := nd.New(nd.Float32, n)
	for i := range n {
		out.Float32s()[i] = a.Float32s()[i*a.Shape[1]]
	}
	return out
}

func writePixels(path string, rng *rand.Rand, n int) error {
	const plane = side * side
	x, labels := nd.New(nd.Float32, n, colours, side, side), nd.New(nd.Int64, n, side, side)
	for i := range n {
		for p := range plane {
			class := (rng.IntN(4) + 1) / 2 % colours // not all are equally frequent
			labels.Int64s()[i*plane+p] = int64(class)
			if rng.IntN(20) == 0 {
				labels.Int64s()[i*plane+p] = 255 // does not count
			}
			for c := range colours {
				v := float32(rng.Float64() / 2)
				if c == class {
					v += 0.5
				}
				x.Float32s()[(i*colours+c)*plane+p] = v
			}
		}
	}
	return writeNPZ(path, dataset.Named{Name: "x", Array: x}, dataset.Named{Name: "labels", Array: labels})
}

func writeTable(path string, x nd.Array, labels []float32) error {
	var b strings.Builder
	width := x.Shape[1]
	for i, label := range labels {
		for _, v := range x.Float32s()[i*width : (i+1)*width] {
			fmt.Fprintf(&b, "%g,", v)
		}
		fmt.Fprintf(&b, "%g\n", label)
	}
	return os.WriteFile(path, []byte(b.String()), 0o666)
}
