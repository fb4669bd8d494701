package onnxio

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Files that ask for more stack, time or memory than their size accounts for.

// TestDeepCalls: functions that call each other too deeply are refused in whatever order the
// file has them. Whoever follows a call into its function and on needs stack for each.
func TestDeepCalls(t *testing.T) {
	for _, c := range []struct {
		depth int
		want  Malformed
	}{{maxDepth + 1, ""}, {maxDepth + 2, FunctionCycle}} {
		own := field(importedOpset, cat(text(1, "own"), varint(2, 1)))
		chain := [][]byte{function("own", "F0", [][]byte{operator("Neg", list("a"), list("b"))})}
		for i := 1; i < c.depth; i++ {
			call := operator(fmt.Sprintf("F%d", i-1), list("a"), list("b"), domain("own"))
			chain = append(chain, function("own", fmt.Sprintf("F%d", i), [][]byte{call}, field(9, cat(text(1, "own"), varint(2, 1)))))
		}
		main := cat(nodes(operator(fmt.Sprintf("F%d", c.depth-1), list("w"), list("y"), domain("own"))), own)
		for _, order := range []string{"callee first", "caller first"} {
			model := cat(append([][]byte{main}, chain...)...)
			m, err := Open(write(t, "model.onnx", model))
			if err == nil {
				m.Close()
			}
			if class, _ := errors.AsType[Malformed](err); class != c.want {
				t.Errorf("%d functions, %s: %v, want class %q", c.depth, order, err, c.want)
			}
			slices.Reverse(chain)
		}
	}
}

// Weights that lie in many nodes of one name are told apart, in a time that does not grow with
// the square of their number.
func TestManyParametersOfOneName(t *testing.T) {
	const count = 20_000
	var list []*onnxpb.NodeProto
	for range count {
		list = append(list, &onnxpb.NodeProto{Domain: proto.String("my"), OpType: proto.String("Table"), Attribute: []*onnxpb.AttributeProto{
			{Name: proto.String("values"), Type: onnxpb.AttributeProto_FLOATS.Enum(), Floats: []float32{1, 2}}}})
	}
	m := openProto(t, protoGraph([]string{"x"}, []string{"y"}, nil, append(list, op("y = Neg(x)"))...))
	names := map[string]bool{}
	for _, p := range m.Parameters() {
		names[p.Name] = true
	}
	if len(names) != count || !names["Table.values"] || !names["Table.values#2"] || !names[fmt.Sprintf("Table.values#%d", count)] {
		t.Errorf("%d names for %d weights", len(names), count)
	}
}

// Many weights that are given to one function, which uses its input many times, do not list
// their number times these uses.
func TestManyUses(t *testing.T) {
	const weights, uses = 1100, 1100
	f := &onnxpb.FunctionProto{Domain: proto.String("my"), Name: proto.String("F"), Input: []string{"a"}, Output: []string{"b"},
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(20)}}, Node: []*onnxpb.NodeProto{op("b = Neg(a)")}}
	for i := range uses - 1 {
		f.Node = append(f.Node, op(fmt.Sprintf("b%d = Neg(a)", i)))
	}
	var given []*onnxpb.TensorProto
	var calls []*onnxpb.NodeProto
	for i := range weights {
		given = append(given, &onnxpb.TensorProto{Name: proto.String(fmt.Sprintf("w%d", i)), DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{1, 2}})
		calls = append(calls, op(fmt.Sprintf("y%d = my:F(w%d)", i, i)))
	}
	m := openProto(t, protoGraph([]string{"x"}, []string{"y0"}, tensors(given...), calls...), f)
	total := 0
	for _, p := range m.Parameters() {
		if len(p.Uses) == 0 {
			t.Fatalf("%s has no use", p.Name)
		}
		total += len(p.Uses)
	}
	if total > maxUses+weights {
		t.Errorf("%d uses are listed, at most %d of them and one for each weight may be", total, maxUses)
	}
	if one := m.Parameters()[0].Uses; len(one) != uses {
		t.Errorf("%d uses of the first weight, not %d", len(one), uses)
	}
}

// TestManyToMany: what many weights are for, which all get to the same many uses, is found in a time that
// does not grow with the product of their numbers. 20,000 of each took minutes.
func TestManyToMany(t *testing.T) {
	const many = 10_000
	imports := []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(20)}, {Domain: proto.String("my"), Version: proto.Int64(1)}}
	function := func(name string, nodes ...*onnxpb.NodeProto) *onnxpb.FunctionProto {
		return &onnxpb.FunctionProto{Domain: proto.String("my"), Name: &name, Input: []string{"a"}, Output: []string{"b0"}, OpsetImport: imports, Node: nodes}
	}
	times := func(format string) (list []*onnxpb.NodeProto) {
		for i := range many {
			list = append(list, op(fmt.Sprintf(format, i)))
		}
		return list
	}
	var given []*onnxpb.TensorProto
	joined := op("c = Concat()")
	for i := range many {
		given = append(given, &onnxpb.TensorProto{Name: proto.String(fmt.Sprintf("w%d", i)), DataType: proto.Int32(1), Dims: []int64{1, 3}, FloatData: []float32{1, 2, 3}})
		joined.Input = append(joined.Input, fmt.Sprintf("w%d", i))
	}
	for name, c := range map[string]struct {
		nodes     []*onnxpb.NodeProto
		functions []*onnxpb.FunctionProto
		use       string
		fanIn     int
	}{
		"joined":        {append(times("y%d = MatMul(c, x)"), joined), nil, "Concat", 0},
		"by a function": {append(times("y%[1]d = my:F(w%[1]d)"), op("x0 = Neg(x)")), []*onnxpb.FunctionProto{function("F", times("b%d = MatMul(a, a)")...)}, "MatMul", 3},
		"by a function's": {times("y%[1]d = my:F(w%[1]d)"), []*onnxpb.FunctionProto{
			function("F", times("b%d = my:G(a)")...), function("G", op("t = Transpose(a)"), op("b0 = MatMul(t, t)"))}, "Transpose", 3},
	} {
		m := openProto(t, protoGraph([]string{"x"}, []string{"y0"}, tensors(given...), c.nodes...), c.functions...)
		for _, p := range m.Parameters() {
			if p.Role != RoleWeight || !p.Trained || len(p.Uses) == 0 || p.Uses[0].Operator != c.use || p.FanIn != c.fanIn {
				t.Fatalf("%s: %+v, not a weight for %s and sums of %d", name, p, c.use, c.fanIn)
			}
		}
	}
}

// TestSharedBytes: a data file has bytes for a few tensors that share them, but not for any number: each
// may be converted, and is looked at.
func TestSharedBytes(t *testing.T) {
	const size = 2 << 20
	for count, want := range map[int]Malformed{maxSharing: "", maxSharing + 1: TooLarge} {
		var tensors [][]byte
		for i := range count {
			tensors = append(tensors, tensor(fmt.Sprintf("w%d", i), float16Type, shape(size/2), externalAt("w.bin", 0, size)))
		}
		m, err := Open(write(t, "model.onnx", model(tensors...), "w.bin", make([]byte, size)))
		if err == nil {
			m.Close()
		}
		if class, _ := errors.AsType[Malformed](err); class != want {
			t.Errorf("%d tensors over the same bytes: %v, want class %q", count, err, want)
		}
	}
	// Little is done with little.
	var tensors [][]byte
	for i := range 2 * maxSharing {
		tensors = append(tensors, tensor(fmt.Sprintf("w%d", i), float16Type, shape(1), externalAt("w.bin", 0, 2)))
	}
	m, err := Open(write(t, "model.onnx", model(tensors...), "w.bin", make([]byte, 2)))
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
}
