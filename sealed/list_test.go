package sealed

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// linear is a network with a LinearRegressor behind it, whose coefficients are an attribute,
// written in one of three ways.
func linear(way string) *onnxpb.ModelProto {
	p := network(0.1)
	name := func(s string) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: &s, Type: onnxpb.AttributeProto_FLOATS.Enum()}
	}
	coefficients, few := name("coefficients"), name("intercepts")
	few.Floats = []float32{0.5, -0.25}
	var all []float32
	for i := range 40 {
		all = append(all, float32(math.Exp2(float64(i%7-3)))*float32(1-2*(i%2)))
	}
	if way == "packed" || way == "in two pieces" {
		split := 0
		if way == "in two pieces" {
			split = 25
		}
		coefficients.Floats = all[:split]
		var packed []byte
		for _, v := range all[split:] {
			packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(v))
		}
		field := protowire.AppendTag(nil, 7, protowire.BytesType)
		coefficients.ProtoReflect().SetUnknown(protowire.AppendBytes(field, packed))
	} else {
		coefficients.Floats = all
	}
	last := &onnxpb.NodeProto{OpType: proto.String("LinearRegressor"), Name: proto.String("last"), Domain: proto.String("ai.onnx.ml"), Input: []string{"y"}, Output: []string{"z"},
		Attribute: []*onnxpb.AttributeProto{coefficients, few}}
	p.Graph.Node = append(p.Graph.Node, last)
	p.Graph.Output[0].Name = proto.String("z")
	p.OpsetImport = append(p.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(1)})
	return p
}

func coefficients(m *onnxio.Model) []float32 {
	nodes := m.Proto().Graph.Node
	return nodes[len(nodes)-1].Attribute[0].Floats
}

// Lists of floats are sealed where they lie, as tensors are, and come back, with weights of the
// same file and names of data files that change.
func TestLists(t *testing.T) {
	for _, way := range []string{"one by one", "packed", "in two pieces"} {
		t.Run(way, func(t *testing.T) {
			m := withDataFile(t, linear(way), map[int]string{2: "0"})
			p := plan(t, m, Options{})
			if len(p.Lists) != 1 || p.Lists[0].Name != "last.coefficients" || p.Lists[0].Tensor.Index != uint64(len(p.Ranges)) || len(p.Left) != 0 {
				t.Fatalf("lists %+v, left %v", p.Lists, p.Left)
			}
			if in := plan(t, m, Options{InPlace: true}); len(in.Lists) != 0 || len(in.Left) != 1 || in.Left[0].Elements != 40 {
				t.Errorf("in place: %+v, left %v", in.Lists, in.Left)
			}
			if some := plan(t, m, Options{Wanted: func(name string) bool { return name == "w" }}); len(some.Lists) != 0 {
				t.Errorf("not wanted: %+v", some.Lists)
			}
			var out atomicfile.Set
			defer out.Abort()
			dst := filepath.Join(filepath.Dir(m.Path()), "locked.onnx") // its data gets another name
			rec, err := m.Seal(context.Background(), &out, dst, seal.NewKey(), p.Ranges, nil, p.Lists...)
			if err == nil {
				err = out.Commit()
			}
			if err == nil {
				err = rec.Validate()
			}
			if err != nil {
				t.Fatal(err)
			}
			locked, err := onnxio.Open(dst)
			if err != nil {
				t.Fatal(err)
			}
			defer locked.Close()
			was, is := coefficients(m), coefficients(locked)
			same := 0
			exponents := func(x []float32) (all []int) {
				for _, v := range x {
					_, e := math.Frexp(float64(v))
					all = append(all, e)
				}
				slices.Sort(all)
				return all
			}
			for i := range was {
				if was[i] == is[i] {
					same++
				}
			}
			if len(was) != 40 || same > 3 || !slices.Equal(exponents(was), exponents(is)) {
				t.Errorf("%v became %v", was, is)
			}
			if few := locked.Proto().Graph.Node[5].Attribute[1].Floats; !slices.Equal(few, []float32{0.5, -0.25}) {
				t.Errorf("two numbers became %v", few)
			}
			var back atomicfile.Set
			defer back.Abort()
			original := filepath.Join(t.TempDir(), "model.onnx")
			if err := onnxio.Restore(context.Background(), dst, rec, &back, original, nil); err != nil {
				t.Fatal(err)
			}
			if err := back.Commit(); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"model.onnx", "data"} {
				a, _ := os.ReadFile(filepath.Join(filepath.Dir(m.Path()), name))
				b, _ := os.ReadFile(filepath.Join(filepath.Dir(original), name))
				if len(a) == 0 || !bytes.Equal(a, b) {
					t.Errorf("%s does not come back", name)
				}
			}
		})
	}
}

// A list that is too long stays, and is reported.
func TestLongList(t *testing.T) {
	p := linear("one by one")
	p.Graph.Node[5].Attribute[0].Floats = make([]float32, maxList+1)
	if got := plan(t, open(t, p), Options{}); len(got.Lists) != 0 || len(got.Left) != 1 {
		t.Errorf("%d lists, left %v", len(got.Lists), got.Left)
	}
}
