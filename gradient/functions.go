package gradient

import (
	"fmt"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// A model may define operators of its own (ModelProto.functions). A node that calls
// one is replaced by the body of the function. The body is built in a scope of its
// own, so that no names have to be invented. Attributes that the body refers to are
// looked up in the frame of the call.

// function is a function of the model, with its body as a graph.
type function struct {
	proto  *onnxpb.FunctionProto
	body   *onnxpb.GraphProto
	opsets map[string]int // that it imports itself
}

// functions returns the functions of a model. A function may import other versions
// of operator sets than the model. Those that it does not import are the model's: they are
// looked up there (frame.opset), since a copy for each function takes the square of the file.
func functions(m *onnxpb.ModelProto) map[onnxpb.FunctionKey]*function {
	all := map[onnxpb.FunctionKey]*function{}
	for _, p := range m.GetFunctions() {
		f := &function{proto: p, body: &onnxpb.GraphProto{Node: p.GetNode()}, opsets: map[string]int{}}
		for _, o := range p.GetOpsetImport() {
			f.opsets[onnxpb.Domain(o.GetDomain())] = int(o.GetVersion())
		}
		for _, name := range p.GetInput() {
			f.body.Input = append(f.body.Input, &onnxpb.ValueInfoProto{Name: proto.String(name)})
		}
		for _, name := range p.GetOutput() {
			f.body.Output = append(f.body.Output, &onnxpb.ValueInfoProto{Name: proto.String(name)})
		}
		all[p.Key()] = f
	}
	return all
}

// frame holds what the nodes of a function's body, or of the main graph, have in
// common: the versions of operator sets and the attributes of the call.
type frame struct {
	opsets map[string]int
	model  map[string]int // the model's versions, for the body of a function
	attrs  map[string]*onnxpb.AttributeProto
	in     *function // nil for the main graph
	caller *frame
}

// opset returns the version of an operator set, which is 0 if it is not imported.
func (f *frame) opset(domain string) int {
	if v, ok := f.opsets[onnxpb.Domain(domain)]; ok {
		return v
	}
	return f.model[onnxpb.Domain(domain)]
}

// call builds the body of f.
func (c *compiler) call(f *function, node *onnxpb.NodeProto, inputs []*ops.Value, s *scope) ([]*ops.Value, error) {
	for up := s.frame; up != nil; up = up.caller {
		if up.in == f {
			return nil, fmt.Errorf("function %q calls itself", f.proto.GetName())
		}
	}
	if len(inputs) > len(f.proto.GetInput()) {
		return nil, fmt.Errorf("%d inputs for function %q, which takes %d", len(inputs), f.proto.GetName(), len(f.proto.GetInput()))
	}
	own := &frame{opsets: f.opsets, model: c.main, attrs: map[string]*onnxpb.AttributeProto{}, in: f, caller: s.frame}
	for _, a := range f.proto.GetAttributeProto() { // attributes with a default
		own.attrs[a.GetName()] = a
	}
	for _, a := range node.GetAttribute() {
		own.attrs[a.GetName()] = a
	}
	inner := &scope{values: map[string]*ops.Value{}, frame: own}
	for i, name := range f.proto.GetInput() {
		inner.values[name] = nil
		if i < len(inputs) {
			inner.values[name] = inputs[i]
		}
	}
	if err := c.graph(f.body, inner); err != nil {
		return nil, err
	}
	out := make([]*ops.Value, len(f.proto.GetOutput()))
	for i, name := range f.proto.GetOutput() {
		v, ok := inner.lookup(name)
		if !ok {
			return nil, fmt.Errorf("function %q: output %q is not computed anywhere", f.proto.GetName(), name)
		}
		out[i] = v
	}
	return out, nil
}

// bind returns the node with each reference to an attribute of the call replaced by
// that attribute. A reference to one that the call leaves out is dropped.
func (f *frame) bind(n *onnxpb.NodeProto) *onnxpb.NodeProto {
	refers := false
	for _, a := range n.GetAttribute() {
		refers = refers || a.GetRefAttrName() != ""
	}
	if !refers {
		return n
	}
	bound := &onnxpb.NodeProto{Name: n.Name, OpType: n.OpType, Domain: n.Domain, Overload: n.Overload, Input: n.GetInput(), Output: n.GetOutput()}
	for _, a := range n.GetAttribute() {
		if a.GetRefAttrName() == "" {
			bound.Attribute = append(bound.Attribute, a)
		} else if v, ok := f.attrs[a.GetRefAttrName()]; ok {
			// The contents are shared, not cloned: tensors are known by address.
			bound.Attribute = append(bound.Attribute, &onnxpb.AttributeProto{
				Name: a.Name, Type: v.Type, F: v.F, I: v.I, S: v.S, T: v.T, G: v.G, SparseTensor: v.SparseTensor,
				Floats: v.GetFloats(), Ints: v.GetInts(), Strings: v.GetStrings(), Tensors: v.GetTensors(), Graphs: v.GetGraphs(),
			})
		}
	}
	return bound
}
