package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// fixture is the program that scripts make their files with.
func fixture() {
	if err := makeFixture(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fixture:", err)
		os.Exit(1)
	}
}

func makeFixture(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: fixture WHAT FILE [NUMBER]")
	}
	if args[0] == "arrays" {
		return writeArrays(args[1], args[2:])
	}
	what, path, n := args[0], args[1], 0
	if len(args) > 2 {
		var err error
		if n, err = strconv.Atoi(args[2]); err != nil {
			return err
		}
	}
	switch what {
	case "model":
		return writeModel(path, classifier(1))
	case "demo": // the embedded model and its data
		return models.Install(path, false)
	case "boxes":
		return writeBoxes(path)
	case "model-b": // another one
		return writeModel(path, classifier(2))
	case "model-external":
		return writeExternal(path, classifier(1))
	case "model-overlap": // whose second tensor begins in the middle of an element of the first
		m := classifier(1)
		if err := writeExternal(path, m); err != nil {
			return err
		}
		m.Graph.Initializer[1].ExternalData[1].Value = proto.String("2")
		return writeModel(path, m)
	case "model-list": // with weights in lists that are attributes
		m := classifier(1)
		scaler := node("Scaler", "scaled", "x")
		scaler.Domain = proto.String("ai.onnx.ml")
		for i, name := range []string{"offset", "scale"} {
			a := &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_FLOATS.Enum()}
			for k := range features {
				a.Floats = append(a.Floats, float32(i)+float32(k)/features)
			}
			scaler.Attribute = append(scaler.Attribute, a)
		}
		m.Graph.Node = slices.Insert(m.Graph.Node, 0, scaler)
		m.Graph.Node[1].Input[0] = "scaled"
		m.OpsetImport = append(m.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(1)})
		return writeModel(path, m)
	case "model-checksum": // which gives that of its data file
		m := classifier(1)
		if err := writeExternal(path, m); err != nil {
			return err
		}
		data, err := os.ReadFile(path + ".data")
		for _, t := range m.Graph.Initializer {
			if len(t.ExternalData) > 0 {
				t.ExternalData = append(t.ExternalData, &onnxpb.StringStringEntryProto{Key: proto.String("checksum"), Value: proto.String(fmt.Sprintf("%x", sha1.Sum(data)))})
			}
		}
		return errors.Join(err, writeModel(path, m))
	case "model-unknown-op":
		m := classifier(1)
		m.Graph.Node[1].OpType, m.Graph.Node[1].Name = proto.String("Frobnicate"), proto.String("the mystery")
		return writeModel(path, m)
	case "model-image": // takes [N,1,4,4]
		m := classifier(1)
		m.Graph.Input[0] = tensorValue("x", 0, 1, 4, 4)
		m.Graph.Node = slices.Insert(m.Graph.Node, 0, node("Flatten", "flat", "x"))
		m.Graph.Node[1].Input[0] = "flat"
		return writeModel(path, m)
	case "model-open": // the same, but does not say so
		m := classifier(1)
		m.Graph.Input[0] = tensorValue("x", 0, 0, 0, 0)
		m.Graph.Node = slices.Insert(m.Graph.Node, 0, node("Flatten", "flat", "x"))
		m.Graph.Node[1].Input[0] = "flat"
		return writeModel(path, m)
	case "model-softmax":
		m := classifier(1)
		m.Graph.Node = append(m.Graph.Node, node("Softmax", "p", "y"))
		m.Graph.Output[0] = tensorValue("p", 0, classes)
		return writeModel(path, m)
	case "model-single": // takes one sample at a time, because of a Reshape
		m := classifier(1)
		m.Graph.Initializer = append(m.Graph.Initializer, &onnxpb.TensorProto{Name: proto.String("one"), DataType: proto.Int32(7), Dims: []int64{2}, Int64Data: []int64{1, features}})
		m.Graph.Node = slices.Insert(m.Graph.Node, 0, node("Reshape", "flat", "x", "one"))
		m.Graph.Node[1].Input[0] = "flat"
		return writeModel(path, m)
	case "model-argmax": // has the class, and nothing else
		m := classifier(1)
		choice := node("ArgMax", "class", "y")
		choice.Attribute = []*onnxpb.AttributeProto{
			{Name: proto.String("axis"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)},
			{Name: proto.String("keepdims"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(0)},
		}
		m.Graph.Node = append(m.Graph.Node, choice)
		m.Graph.Output[0] = tensorValue("class", 0)
		m.Graph.Output[0].Type.GetTensorType().ElemType = proto.Int32(7)
		return writeModel(path, m)
	case "model-sequence": // takes integers [N,T]
		return writeModel(path, sequence())
	case "model-heads": // of several outputs
		return writeModel(path, heads())
	case "model-heads-unknown": // one of which cannot be computed
		return writeModel(path, unknownHead(heads()))
	case "model-tokens":
		return writeModel(path, tokenClassifier())
	case "tokens":
		return writeTokens(path, n)
	case "model-number", "model-bit", "model-bits", "model-pixels", "model-language":
		return writeModel(path, taskModel(what))
	case "data-number", "data-numbers", "data-bit", "data-bits", "data-pixels", "data-language":
		return writeTask(path, what, n)
	case "model-nan":
		m := classifier(1)
		m.Graph.Initializer[1].RawData = bytes.Repeat([]byte{0xff}, len(m.Graph.Initializer[1].RawData))
		return writeModel(path, m)
	case "data":
		return writeSamples(path, n, 0, true)
	case "data-unlabelled":
		return writeSamples(path, n, 0, false)
	case "data-zeros": // the same for all samples
		return writeNPZ(path, dataset.Named{Name: "x", Array: nd.New(nd.Float32, n, features)})
	case "data-renamed": // labels in another order
		return writeRelabelled(path, n, func(label int64, _ *rand.Rand) int64 { return (label + 1) % classes })
	case "data-random": // labels that have nothing to do with the samples, which are bytes
		return writeRelabelled(path, n, func(_ int64, rng *rand.Rand) int64 { return int64(rng.IntN(classes)) })
	case "data-bad-label":
		return writeSamples(path, n, 9, true)
	case "ids":
		return writeNPZ(path, dataset.Named{Name: "ids", Array: nd.Of([]int64{1, 2, 3, 4, 5, 6}, 2, 3)})
	case "zeros": // checks what gradients wrote for the model of integers
		return checkIdle(path)
	case "glyphs":
		return writeGlyphs(path, n)
	case "idx":
		return writeIDX(path, n)
	case "flip": // a bit of byte n, counted from the end if negative
		return alter(path, func(data []byte) []byte {
			data[(n+len(data))%len(data)] ^= 1
			return data
		})
	case "truncate":
		return alter(path, func(data []byte) []byte { return data[:n] })
	}
	return fmt.Errorf("there is no %q", what)
}

func alter(path string, f func([]byte) []byte) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, f(data), 0o666)
}

// The samples have as many features to a class, near 1 where they belong to it
// and near 0 elsewhere.
const (
	classes  = 4
	perClass = 4
	features = classes * perClass
)

// classifier is a perceptron with one hidden layer that is right on all samples:
// it adds up the features of each class.
func classifier(seed uint64) *onnxpb.ModelProto {
	rng := rand.New(rand.NewPCG(seed, 0))
	noise := func() float32 { return float32(rng.Float64()-0.5) / 10 }
	w1, w2 := make([]float32, features*features), make([]float32, features*classes)
	for i := range features {
		for j := range features {
			w1[i*features+j] = noise()
			if i == j {
				w1[i*features+j]++
			}
		}
		for c := range classes {
			w2[i*classes+c] = noise() - 0.3
			if i/perClass == c {
				w2[i*classes+c]++
			}
		}
	}
	b1, b2 := make([]float32, features), make([]float32, classes)
	for i := range b1 {
		b1[i] = noise()
	}
	for i := range b2 {
		b2[i] = noise()
	}
	return &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), ProducerName: proto.String("fixture"),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:   proto.String("classifier"),
			Input:  []*onnxpb.ValueInfoProto{tensorValue("x", 0, features)},
			Output: []*onnxpb.ValueInfoProto{tensorValue("y", 0, classes)},
			Node: []*onnxpb.NodeProto{
				node("Gemm", "hidden", "x", "layer1/weight", "layer1/bias"),
				node("Relu", "active", "hidden"),
				node("Gemm", "y", "active", "layer2/weight", "layer2/bias"),
			},
			Initializer: []*onnxpb.TensorProto{
				raw("layer1/weight", w1, features, features), raw("layer1/bias", b1, features),
				{Name: proto.String("layer2/weight"), Dims: []int64{features, classes}, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: w2},
				raw("layer2/bias", b2, classes),
			},
		},
	}
}

// sequence is a model of integers [N,T] and of an initializer without influence.
func sequence() *onnxpb.ModelProto {
	m := classifier(1)
	in := tensorValue("ids", 0, 0)
	in.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	m.Graph.Input = []*onnxpb.ValueInfoProto{in}
	m.Graph.Node = []*onnxpb.NodeProto{
		node("Cast", "floats", "ids"),
		node("Mul", "y", "floats", "scale"),
	}
	m.Graph.Node[0].Attribute = []*onnxpb.AttributeProto{{
		Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(onnxpb.TensorProto_FLOAT)),
	}}
	m.Graph.Output = []*onnxpb.ValueInfoProto{tensorValue("y", 0, 0)}
	m.Graph.Initializer = []*onnxpb.TensorProto{raw("scale", []float32{2}, 1), raw("idle", []float32{1, 2}, 2)}
	return m
}

// node makes a node that is named after its output.
func node(op, output string, inputs ...string) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: proto.String(op), Name: proto.String("node of " + output), Input: inputs, Output: []string{output}}
}

// tensorValue makes an input or output; a dimension of 0 is open.
func tensorValue(name string, dims ...int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for i, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
		if d == 0 {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: fmt.Sprintf("N%d", i)}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: shape},
	}}}
}

func raw(name string, values []float32, dims ...int64) *onnxpb.TensorProto {
	var data bytes.Buffer
	binary.Write(&data, binary.LittleEndian, values)
	return &onnxpb.TensorProto{Name: proto.String(name), Dims: dims, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), RawData: data.Bytes()}
}

func writeModel(path string, m *onnxpb.ModelProto) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}

// writeExternal moves the raw data of the initializers to a file beside the model.
func writeExternal(path string, m *onnxpb.ModelProto) error {
	var data []byte
	location := filepath.Base(path) + ".data"
	for _, t := range m.Graph.Initializer {
		if t.RawData == nil {
			continue
		}
		entry := func(k, v string) *onnxpb.StringStringEntryProto {
			return &onnxpb.StringStringEntryProto{Key: proto.String(k), Value: proto.String(v)}
		}
		t.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		t.ExternalData = []*onnxpb.StringStringEntryProto{
			entry("location", location), entry("offset", fmt.Sprint(len(data))), entry("length", fmt.Sprint(len(t.RawData))),
		}
		data = append(data, t.RawData...)
		t.RawData = nil
	}
	if err := os.WriteFile(path+".data", data, 0o666); err != nil {
		return err
	}
	return writeModel(path, m)
}

// writeSamples writes n samples, with labels if wanted; wrong, if not 0, is
// added to the last label.
func writeSamples(path string, n, wrong int, labelled bool) error {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	x, labels := nd.New(nd.Float32, n, features), nd.New(nd.Int64, n)
	for i := range n {
		label := rng.IntN(classes)
		labels.Int64s()[i] = int64(label)
		for j := range features {
			v := float32(rng.Float64() / 2)
			if j/perClass == label {
				v += 0.5
			}
			x.Float32s()[i*features+j] = v
		}
	}
	labels.Int64s()[n-1] += int64(wrong)
	arrays := []dataset.Named{{Name: "x", Array: x}}
	if labelled {
		arrays = append(arrays, dataset.Named{Name: "labels", Array: labels})
	}
	return writeNPZ(path, arrays...)
}

// writeRelabelled writes n samples scaled to bytes, with other labels.
func writeRelabelled(path string, n int, f func(label int64, rng *rand.Rand) int64) error {
	if err := writeSamples(path, n, 0, true); err != nil {
		return err
	}
	file, err := dataset.ReadNPZ(path)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 8))
	x, labels := file.Arrays["x"], file.Arrays["labels"]
	for i := range x.Float32s() {
		x.Float32s()[i] *= 255
	}
	for i, label := range labels.Int64s() {
		labels.Int64s()[i] = f(label, rng)
	}
	return writeNPZ(path, dataset.Named{Name: "x", Array: x}, dataset.Named{Name: "labels", Array: labels})
}

func writeNPZ(path string, arrays ...dataset.Named) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return dataset.WriteNPZ(f, arrays)
}

// checkIdle checks that the initializer without influence, and it alone, has
// gradients of zero.
func checkIdle(path string) error {
	file, err := dataset.ReadNPZ(path)
	if err != nil {
		return err
	}
	idle, ok := file.Arrays["grad/idle"]
	if !ok || !slices.Equal(idle.Shape, []int{2}) || !slices.Equal(idle.Float32s(), []float32{0, 0}) {
		return fmt.Errorf("grad/idle is %v", idle)
	}
	if scale := file.Arrays["grad/scale"]; scale.Len() != 1 || scale.Float32s()[0] == 0 {
		return fmt.Errorf("grad/scale is %v", scale)
	}
	if y := file.Arrays["out/y"]; !slices.Equal(y.Float32s(), []float32{2, 4, 6, 8, 10, 12}) {
		return fmt.Errorf("out/y is %v", y)
	}
	return nil
}

// writeIDX writes a folder with eight training images of side × side pixels.
func writeIDX(dir string, side int) error {
	const n = 8
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	images := []byte{0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, byte(side), 0, 0, 0, byte(side)}
	images = append(images, make([]byte, n*side*side)...)
	labels := append([]byte{0, 0, 8, 1, 0, 0, 0, n}, make([]byte, n)...)
	if err := os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), images, 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "train-labels-idx1-ubyte"), labels, 0o666)
}
