package gradient

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// hostile are numbers that a model may put in place of a sensible one.
var hostile = []int64{1<<31 - 1, math.MaxInt64, 1 << 24, 4096, 100_000, 1 << 40, -1, -1 << 31}

// TestHostileNumbers puts large numbers in place of every attribute, small constant and
// input of integers of the models of single operators, one at a time and in all places of a
// list. None makes a model of some hundred bytes take much memory. make test-mutations tries
// more numbers than a plain test.
func TestHostileNumbers(t *testing.T) {
	const most = 1 << 30 // bytes
	hostile := hostile
	if os.Getenv("ADVPARAMS_MUTATIONS") == "" {
		hostile = hostile[:2]
	}
	if testing.Short() {
		hostile = hostile[1:]
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	worst, slowest, tried := int64(0), time.Duration(0), 0
	for _, g := range append(testmodel.Nodes(t), testmodel.Contrib(t)...) {
		npz, err := dataset.ReadNPZ(g.Arrays)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(g.Model)
		if err != nil {
			t.Fatal(err)
		}
		var p onnxpb.ModelProto
		if err := proto.Unmarshal(data, &p); err != nil {
			t.Fatal(err)
		}
		each := func(name string) {
			changed, err := proto.Marshal(&p)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, changed, 0o666); err != nil {
				t.Fatal(err)
			}
			start, before := time.Now(), allocated()
			err = runHostile(path, npz.Arrays)
			took, memory := time.Since(start), allocated()-before
			tried++
			worst, slowest = max(worst, memory), max(slowest, took)
			if memory > most {
				t.Errorf("%s: %s: %d MB: %v", g.Name, name, memory>>20, err)
			}
		}
		for _, s := range places(p.GetGraph()) {
			was := slices.Clone(s.get())
			for i := range was {
				for _, h := range hostile {
					changed := slices.Clone(was)
					changed[i] = h
					s.set(changed)
					each(fmt.Sprintf("%s[%d] = %d", s.name, i, h))
				}
			}
			for _, h := range hostile {
				s.set(slices.Repeat([]int64{h}, len(was)))
				each(fmt.Sprintf("%s = %d", s.name, h))
			}
			s.set(was)
		}
		for _, key := range slices.Sorted(maps.Keys(npz.Arrays)) {
			a := npz.Arrays[key]
			if !strings.HasPrefix(key, "in/") || a.DType() != nd.Int64 || a.Len() > 16 {
				continue
			}
			v := a.Int64s()
			was := slices.Clone(v)
			for i := range v {
				for _, h := range hostile {
					v[i] = h
					each(fmt.Sprintf("input %s[%d] = %d", key, i, h))
				}
				v[i] = was[i]
			}
		}
	}
	t.Logf("%d models: at most %d MB and %v", tried, worst>>20, slowest)
}

// place is a number, or a list of numbers, in a model.
type place struct {
	name string
	get  func() []int64
	set  func([]int64)
}

// places lists the integers of a graph that are not dimensions of inputs.
func places(g *onnxpb.GraphProto) (list []place) {
	tensor := func(name string, t *onnxpb.TensorProto) {
		if t.GetDataType() != int32(onnxpb.TensorProto_INT64) {
			return
		}
		if n := len(t.GetRawData()) / 8; n > 0 && n <= 16 {
			list = append(list, place{name, func() []int64 { return int64sOf(t.RawData) }, func(v []int64) { t.RawData = bytesOf(v) }})
		} else if n := len(t.GetInt64Data()); n > 0 && n <= 16 {
			list = append(list, place{name, func() []int64 { return t.Int64Data }, func(v []int64) { t.Int64Data = v }})
		}
	}
	for _, t := range g.GetInitializer() {
		tensor(t.GetName(), t)
	}
	for _, n := range g.GetNode() {
		for _, a := range n.GetAttribute() {
			name := n.GetOpType() + "." + a.GetName()
			switch a.GetType() {
			case onnxpb.AttributeProto_INT:
				list = append(list, place{name, func() []int64 { return []int64{a.GetI()} }, func(v []int64) { a.I = &v[0] }})
			case onnxpb.AttributeProto_INTS:
				if len(a.GetInts()) > 0 {
					list = append(list, place{name, func() []int64 { return a.Ints }, func(v []int64) { a.Ints = v }})
				}
			case onnxpb.AttributeProto_FLOAT:
				was := a.GetF()
				list = append(list, place{name, func() []int64 { return []int64{int64(was)} }, func(v []int64) {
					f := float32(v[0])
					if f == float32(int64(was)) {
						f = was
					}
					a.F = &f
				}})
			case onnxpb.AttributeProto_TENSOR:
				tensor(name, a.GetT())
			case onnxpb.AttributeProto_GRAPH:
				list = append(list, places(a.GetG())...)
			}
		}
	}
	return list
}

func int64sOf(raw []byte) []int64 {
	v := make([]int64, len(raw)/8)
	for i := range v {
		for k := range 8 {
			v[i] |= int64(raw[8*i+k]) << (8 * k)
		}
	}
	return v
}

func bytesOf(v []int64) (raw []byte) {
	for _, x := range v {
		for k := range 8 {
			raw = append(raw, byte(x>>(8*k)))
		}
	}
	return raw
}

// runHostile does what the commands do with a model.
func runHostile(path string, arrays map[string]nd.Array) error {
	m, err := onnxio.Open(path)
	if err != nil {
		return err
	}
	defer m.Close()
	inputs, err := Inputs(m)
	if err != nil {
		return err
	}
	shapes, values := map[string][]int{}, map[string]nd.Array{}
	for _, in := range inputs {
		a, ok := arrays["in/"+in.Name]
		if !ok {
			return fmt.Errorf("no array %q", in.Name)
		}
		shapes[in.Name], values[in.Name] = a.Shape, a
	}
	p, err := Compile(m, Config{Shapes: shapes, Values: values, Gradients: All})
	if err != nil {
		return err
	}
	_, _, err = p.Gradients(values, Probe)
	return err
}

// allocated returns how much has been allocated in the heap so far.
func allocated() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
