package onnxio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// bind connects the messages of the structure with the tensors that the walk
// found, and checks the names of initializers.
func (m *Model) bind() error {
	b := binder{m: m}
	m.byMessage = make(map[*onnxpb.TensorProto]*Initializer, len(m.tensors))
	b.graph(m.proto.Graph)
	for _, training := range m.proto.TrainingInfo {
		b.graph(training.Initialization)
		b.graph(training.Algorithm)
	}
	for _, f := range m.proto.Functions {
		b.nodes(f.Node)
		b.attributes(f.AttributeProto)
	}
	if b.err != nil {
		return b.err
	}
	// Protobuf merges a singular field that is given twice, which would leave
	// two payloads for one message.
	if len(m.byMessage) != len(m.tensors) {
		return errors.New("an attribute holds two tensors where there must be one")
	}
	m.byName = make(map[string]*Initializer, len(m.proto.Graph.Initializer))
	for _, tp := range m.proto.Graph.Initializer {
		t := m.byMessage[tp]
		m.initializers = append(m.initializers, t)
		m.byName[t.Name] = t
	}
	return nil
}

// binder visits every message that holds tensors; err is the first problem.
type binder struct {
	m   *Model
	err error
}

func (b *binder) graph(g *onnxpb.GraphProto) {
	if g == nil {
		return
	}
	seen := make(map[string]bool, len(g.Initializer))
	name := func(tp *onnxpb.TensorProto) {
		n := tp.GetName()
		switch {
		case b.err != nil || tp == nil:
		case n == "":
			b.err = fmt.Errorf("an initializer of graph %q has no name: %s", g.GetName(), b.m.byMessage[tp].label())
		case !utf8.ValidString(n):
			b.err = fmt.Errorf("an initializer of graph %q has a name that is not UTF-8: %q", g.GetName(), n)
		case seen[n]:
			b.err = &DuplicateError{g.GetName(), n}
		}
		seen[n] = true
	}
	for _, tp := range g.Initializer {
		b.tensor(tp)
		name(tp)
	}
	for _, s := range g.SparseInitializer {
		b.sparse(s)
		name(s.Values)
	}
	b.nodes(g.Node)
}

func (b *binder) nodes(nodes []*onnxpb.NodeProto) {
	for _, n := range nodes {
		b.attributes(n.Attribute)
	}
}

func (b *binder) attributes(attrs []*onnxpb.AttributeProto) {
	for _, a := range attrs {
		b.tensor(a.T)
		b.graph(a.G)
		b.sparse(a.SparseTensor)
		for _, t := range a.Tensors {
			b.tensor(t)
		}
		for _, g := range a.Graphs {
			b.graph(g)
		}
		for _, s := range a.SparseTensors {
			b.sparse(s)
		}
	}
}

func (b *binder) sparse(s *onnxpb.SparseTensorProto) {
	if s != nil {
		b.tensor(s.Values)
		b.tensor(s.Indices)
	}
}

// tensor takes the index that the walk left in raw_data.
func (b *binder) tensor(tp *onnxpb.TensorProto) {
	if tp == nil {
		return
	}
	b.m.byMessage[tp] = b.m.tensors[binary.LittleEndian.Uint32(tp.RawData)]
	tp.RawData = nil
}
