package onnxio

import (
	"encoding/binary"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// bind connects the messages of the structure with the tensors that the walk
// found. Each of its messages stands for one TensorProto of the file, because a
// singular field that is given twice, which protobuf would merge, was refused.
func (m *Model) bind() error {
	b := binder{m}
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
	if len(m.byMessage) != len(m.tensors) {
		return malformed(RepeatedField, "%d tensors in %d places", len(m.tensors), len(m.byMessage))
	}
	m.byName = make(map[string]*Initializer, len(m.proto.Graph.Initializer))
	for _, tp := range m.proto.Graph.Initializer {
		t := m.byMessage[tp]
		m.initializers = append(m.initializers, t)
		m.byName[t.Name] = t
	}
	return nil
}

// binder visits every message that holds tensors.
type binder struct{ m *Model }

func (b binder) graph(g *onnxpb.GraphProto) {
	if g == nil {
		return
	}
	for _, tp := range g.Initializer {
		b.tensor(tp)
	}
	for _, s := range g.SparseInitializer {
		b.sparse(s)
	}
	b.nodes(g.Node)
}

func (b binder) nodes(nodes []*onnxpb.NodeProto) {
	for _, n := range nodes {
		b.attributes(n.Attribute)
	}
}

func (b binder) attributes(attrs []*onnxpb.AttributeProto) {
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

func (b binder) sparse(s *onnxpb.SparseTensorProto) {
	if s != nil {
		b.tensor(s.Values)
		b.tensor(s.Indices)
	}
}

// tensor takes the index that the walk left in raw_data.
func (b binder) tensor(tp *onnxpb.TensorProto) {
	if tp == nil {
		return
	}
	b.m.byMessage[tp] = b.m.tensors[binary.LittleEndian.Uint32(tp.RawData)]
	tp.RawData = nil
}
