package browser

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// words are the vocabulary of the text model; each is followed by one word, mostly.
var words = strings.Fields("[PAD] the lock ##ed model answer ##s nothing without its key and who ##ever has a copy of it guess ##es until some ##one turns")

// writeText writes a language model that knows which token follows which, its samples and
// its vocabulary.
func writeText(t *testing.T) {
	n := len(words)
	follows := func(token int) int { return max(1, (token+1)%n) }
	rng := rand.New(rand.NewPCG(7, 0))
	matrix := func(name string, is func(i, j int) bool) *onnxpb.TensorProto {
		return tensor(name, func(k int) float64 { return 2*as(is(k/n, k%n)) + (rng.Float64()-0.5)/10 }, n, n)
	}
	writeModel(t, "bigrams.onnx",
		value("input_ids", onnxpb.TensorProto_INT64, 0, 0), value("logits", onnxpb.TensorProto_FLOAT, 0, 0, n),
		[]*onnxpb.NodeProto{node("Gather", "embedded", "table", "input_ids"), node("MatMul", "mixed", "embedded", "mix"), node("Relu", "active", "mixed"), node("MatMul", "logits", "active", "head")},
		matrix("table", func(i, j int) bool { return i == j }), matrix("mix", func(i, j int) bool { return i == j }), matrix("head", func(i, j int) bool { return follows(i) == j }))
	const samples, length = 200, 12
	ids := nd.New(nd.Int64, samples, length)
	for i := range samples {
		token := 1 + rng.IntN(n-1)
		for k := range length {
			ids.Int64s()[i*length+k] = int64(token)
			if token = follows(token); rng.IntN(8) == 0 {
				token = 1 + rng.IntN(n-1)
			}
		}
	}
	writeSamples(t, "text.npz", dataset.Named{Name: "input_ids", Array: ids})
	if err := os.WriteFile("vocabulary.txt", []byte(strings.Join(words, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeMasks writes a model that tells for each pixel whether it is dark, grey or bright, and
// pictures of discs.
func writeMasks(t *testing.T) string {
	rng := rand.New(rand.NewPCG(8, 0))
	const samples, side = 120, 24
	pictures, masks := nd.New(nd.Float32, samples, 1, side, side), nd.New(nd.Int64, samples, side, side)
	for i := range samples {
		var discs [2][3]float64
		for k := range discs {
			discs[k] = [3]float64{side * rng.Float64(), side * rng.Float64(), 3 + 4*rng.Float64()}
		}
		for p := range side * side {
			class := 0
			for k, d := range discs {
				if math.Hypot(float64(p%side)-d[0], float64(p/side)-d[1]) < d[2] {
					class = k + 1
				}
			}
			masks.Int64s()[i*side*side+p] = int64(class)
			pictures.Float32s()[i*side*side+p] = float32(float64(class)/2 + rng.NormFloat64()/10)
		}
	}
	// The nearest of three levels l has the largest 2lx - l².
	level := func(k int) float64 { return float64(k) / 2 }
	writeModel(t, "masks-original.onnx",
		value("image", onnxpb.TensorProto_FLOAT, 0, 1, side, side), value("classes", onnxpb.TensorProto_FLOAT, 0, 3, side, side),
		[]*onnxpb.NodeProto{node("Conv", "stem", "image", "stem.weight"), node("Conv", "classes", "stem", "head.weight", "head.bias")},
		tensor("stem.weight", func(int) float64 { return 1 + rng.NormFloat64()/50 }, 4, 1, 1, 1),
		tensor("head.weight", func(k int) float64 { return 8*level(k/4)/4 + rng.NormFloat64()/100 }, 3, 4, 1, 1),
		tensor("head.bias", func(k int) float64 { return -4 * level(k) * level(k) }, 3))
	writeSamples(t, "masks.npz", dataset.Named{Name: "image", Array: pictures}, dataset.Named{Name: "labels", Array: masks})
	return "masks"
}

// writePictures writes a model that makes pictures softer, and pictures of noise.
func writePictures(t *testing.T) string {
	rng := rand.New(rand.NewPCG(10, 0))
	const samples, side = 100, 24
	x, y := nd.New(nd.Float32, samples, 1, side, side), nd.New(nd.Float32, samples, 1, side, side)
	for i := range samples {
		across, down := rng.Float64(), rng.Float64()
		for p := range side * side {
			clean := 0.5 + 0.4*math.Sin(across*float64(p%side))*math.Sin(down*float64(p/side))
			y.Float32s()[i*side*side+p] = float32(clean)
			x.Float32s()[i*side*side+p] = float32(clean + rng.NormFloat64()/8)
		}
	}
	conv := node("Conv", "soft", "noisy", "blur")
	conv.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("pads"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{1, 1, 1, 1}}}
	writeModel(t, "pictures-original.onnx",
		value("noisy", onnxpb.TensorProto_FLOAT, 0, 1, side, side), value("clean", onnxpb.TensorProto_FLOAT, 0, 1, side, side),
		[]*onnxpb.NodeProto{conv, node("Conv", "clean", "soft", "gain")},
		tensor("blur", func(int) float64 { return 1.0/9 + rng.NormFloat64()/200 }, 4, 1, 3, 3),
		tensor("gain", func(int) float64 { return 0.25 + rng.NormFloat64()/200 }, 1, 4, 1, 1))
	writeSamples(t, "pictures.npz", dataset.Named{Name: "noisy", Array: x}, dataset.Named{Name: "labels", Array: y})
	return "pictures"
}

// writeSeries writes a model that tells how often a wave rises, and waves.
func writeSeries(t *testing.T) string {
	rng := rand.New(rand.NewPCG(9, 0))
	const samples, length, classes = 300, 64, 4
	wave := func(class, k int) float64 { return math.Sin(2 * math.Pi * float64((class+1)*k) / length) }
	x, labels := nd.New(nd.Float32, samples, 1, length), nd.New(nd.Int64, samples)
	for i := range samples {
		class := rng.IntN(classes)
		labels.Int64s()[i] = int64(class)
		for k := range length {
			x.Float32s()[i*length+k] = float32(wave(class, k) + rng.NormFloat64()/3)
		}
	}
	writeModel(t, "series-original.onnx",
		value("signal", onnxpb.TensorProto_FLOAT, 0, 1, length), value("logits", onnxpb.TensorProto_FLOAT, 0, classes),
		[]*onnxpb.NodeProto{node("Flatten", "flat", "signal"), node("MatMul", "logits", "flat", "templates")},
		tensor("templates", func(k int) float64 { return wave(k%classes, k/classes)/8 + rng.NormFloat64()/100 }, length, classes))
	writeSamples(t, "series.npz", dataset.Named{Name: "signal", Array: x}, dataset.Named{Name: "labels", Array: labels})
	return "series"
}

func as(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// tensor is an initializer of float32 values.
func tensor(name string, value func(k int) float64, dims ...int) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT))}
	n := 1
	for _, d := range dims {
		t.Dims = append(t.Dims, int64(d))
		n *= d
	}
	for k := range n {
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(float32(value(k))))
	}
	return t
}

// value is an input or output. A dimension of 0 is open.
func value(name string, kind onnxpb.TensorProto_DataType, dims ...int) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for i, d := range dims {
		one := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}}
		if d == 0 {
			one.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: string(rune('N' + i))}
		}
		shape.Dim = append(shape.Dim, one)
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape}}}}
}

// node is a node that is named as its output.
func node(operator, output string, inputs ...string) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: &operator, Name: &output, Input: inputs, Output: []string{output}}
}

func writeModel(t *testing.T, path string, in, out *onnxpb.ValueInfoProto, nodes []*onnxpb.NodeProto, initializers ...*onnxpb.TensorProto) {
	t.Helper()
	model, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String("graph"), Input: []*onnxpb.ValueInfoProto{in}, Output: []*onnxpb.ValueInfoProto{out}, Node: nodes, Initializer: initializers},
	})
	if err == nil {
		err = os.WriteFile(path, model, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeSamples(t *testing.T, path string, arrays ...dataset.Named) {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		defer f.Close()
		err = dataset.WriteNPZ(f, arrays)
	}
	if err != nil {
		t.Fatal(err)
	}
}
