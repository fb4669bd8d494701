package advparams_test

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/sealed"
)

// writeLarge writes a network whose large layers lie in a data file of 16 MiB, and
// returns the path of that. Each large layer adds nothing to its input.
func writeLarge(t *testing.T, path string) string {
	t.Helper()
	const width, layers = 1024, 4
	g := &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("x", onnxpb.TensorProto_FLOAT, 0, 8)},
		Output: []*onnxpb.ValueInfoProto{value("y", onnxpb.TensorProto_FLOAT, 0, 4)},
	}
	first, last := make([]float32, 8*width), make([]float32, width*4)
	for i := range first {
		first[i] = float32((i*7919)%13-6) / 16
	}
	for i := range last {
		last[i] = float32((i*104729)%11-5) / 64
	}
	g.Initializer = []*onnxpb.TensorProto{tensor("first", first, 8, width), tensor("last.weight", last, width, 4), tensor("last.bias", []float32{0.1, -0.1, 0.2, 0}, 4)}
	g.Node = []*onnxpb.NodeProto{node("MatMul", "h", "x", "first")}
	h := "h"
	entry := func(key, text string) *onnxpb.StringStringEntryProto {
		return &onnxpb.StringStringEntryProto{Key: &key, Value: &text}
	}
	for i := range layers {
		n := strconv.Itoa(i)
		g.Initializer = append(g.Initializer, &onnxpb.TensorProto{
			Name: proto.String("large" + n), DataType: proto.Int32(1), Dims: []int64{width, width},
			DataLocation: onnxpb.TensorProto_EXTERNAL.Enum(),
			ExternalData: []*onnxpb.StringStringEntryProto{
				entry("location", "large.bin"), entry("offset", strconv.Itoa(i*4*width*width)), entry("length", strconv.Itoa(4*width*width)),
			},
		})
		g.Node = append(g.Node, node("Relu", "r"+n, h), node("MatMul", "m"+n, "r"+n, "large"+n), node("Add", "h"+n, "m"+n, h))
		h = "h" + n
	}
	g.Node = append(g.Node, node("Relu", "r", h), node("MatMul", "product", "r", "last.weight"), node("Add", "y", "product", "last.bias"))
	data := filepath.Join(filepath.Dir(path), "large.bin")
	f, err := os.Create(data)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(layers * 4 * width * width); err != nil {
		t.Fatal(err)
	}
	if err := writeModel(path, g); err != nil {
		t.Fatal(err)
	}
	return data
}

// resident returns the bytes of a file that are mapped and in memory, counted once for
// each mapping, as the system counts them.
func resident(t *testing.T, path string) (bytes int64) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	ours := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) > 0 && !strings.HasSuffix(fields[0], ":"):
			ours = strings.HasSuffix(lines.Text(), path)
		case ours && fields[0] == "Rss:":
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			bytes += kib << 10
		}
	}
	return bytes
}

// TestLargeLayersStayInTheFile locks one layer of a model whose other layers are large.
// They are mapped, once, and not copied.
func TestLargeLayersStayInTheFile(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "model.onnx")
	data := writeLarge(t, model)
	x := nd.New(nd.Float32, 100, 8)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32((i*i*31+i*17)%101-50) / 25
	}
	samples, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "numbers")
	if err != nil {
		t.Fatal(err)
	}
	var most int64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: model, Data: advparams.Data{Samples: samples, Labels: advparams.LabelsOfModel},
		Locked: filepath.Join(dir, "locked.onnx"), Key: filepath.Join(dir, "key"), PlainKey: true,
		Include: []string{"last.*"}, Threads: 1,
		Progress: func(advparams.Progress) {
			most = max(most, resident(t, data))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	const size = 16 << 20
	// Up to five searches go on from one another, and none of them copies the weights.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 5*size && !raceDetector {
		t.Errorf("%d MiB were allocated", allocated>>20)
	}
	if most < size/2 || most > size*5/4 {
		t.Errorf("%d MiB of the %d MiB of weights were mapped at a time", most>>20, size>>20)
	}
}

// TestPlanLeavesNothingMapped finds the weights of a model and what to seal of them, which
// looks at the elements of every tensor. The system maps much more than is read, so that
// the memory of a process would grow with the model.
func TestPlanLeavesNothingMapped(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.onnx")
	data := writeLarge(t, model)
	m, err := onnxio.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.Parameters()
	const some = 1 << 20 // of the neighbours of what was read, which are mapped with it
	if n := resident(t, data); n > some {
		t.Errorf("%d bytes are mapped when the weights are known", n)
	}
	if plan, err := sealed.NewPlan(m, sealed.Options{}); err != nil || len(plan.Ranges) != 7 {
		t.Fatal(plan, err)
	}
	if n := resident(t, data); n > some {
		t.Errorf("%d bytes are mapped when it is known what to seal", n)
	}
}
