package onnxio

import "github.com/advparams/advparams/onnxio/onnxpb"

// attribute checks type and value, or reference, of an attribute. Numbers and
// lists may be absent: writers of proto3 leave out zeros.
func (c checker) attribute(a *onnxpb.AttributeProto, f frame) error {
	if a.Type == nil || a.GetType() == onnxpb.AttributeProto_UNDEFINED {
		return malformed(AttributeType, "no type")
	}
	values := valuesOf(a)
	for _, t := range values {
		if t != a.GetType() {
			return malformed(AttributeType, "type %v, but a value of type %v", a.GetType(), t)
		}
	}
	if a.GetRefAttrName() != "" {
		switch {
		case f.function == nil:
			return malformed(AttributeRef, "reference to attribute %q outside of a function", a.GetRefAttrName())
		case len(values) > 0:
			return malformed(AttributeRef, "a value beside the reference to attribute %q", a.GetRefAttrName())
		case !f.params[a.GetRefAttrName()]:
			return malformed(AttributeRef, "reference to attribute %q, which the function does not declare", a.GetRefAttrName())
		}
		return nil
	}
	switch a.GetType() {
	case onnxpb.AttributeProto_TENSOR, onnxpb.AttributeProto_GRAPH, onnxpb.AttributeProto_SPARSE_TENSOR, onnxpb.AttributeProto_TYPE_PROTO:
		if len(values) == 0 {
			return malformed(AttributeValue, "no value")
		}
	}
	return nil
}

// valuesOf returns the types of the values that an attribute has.
func valuesOf(a *onnxpb.AttributeProto) []onnxpb.AttributeProto_AttributeType {
	var types []onnxpb.AttributeProto_AttributeType
	for _, v := range []struct {
		has bool
		as  onnxpb.AttributeProto_AttributeType
	}{
		{a.F != nil, onnxpb.AttributeProto_FLOAT},
		{a.I != nil, onnxpb.AttributeProto_INT},
		{a.S != nil, onnxpb.AttributeProto_STRING},
		{a.T != nil, onnxpb.AttributeProto_TENSOR},
		{a.G != nil, onnxpb.AttributeProto_GRAPH},
		{a.Tp != nil, onnxpb.AttributeProto_TYPE_PROTO},
		{a.SparseTensor != nil, onnxpb.AttributeProto_SPARSE_TENSOR},
		{len(a.Floats) > 0, onnxpb.AttributeProto_FLOATS},
		{len(a.Ints) > 0, onnxpb.AttributeProto_INTS},
		{len(a.Strings) > 0, onnxpb.AttributeProto_STRINGS},
		{len(a.Tensors) > 0, onnxpb.AttributeProto_TENSORS},
		{len(a.Graphs) > 0, onnxpb.AttributeProto_GRAPHS},
		{len(a.SparseTensors) > 0, onnxpb.AttributeProto_SPARSE_TENSORS},
		{len(a.TypeProtos) > 0, onnxpb.AttributeProto_TYPE_PROTOS},
	} {
		if v.has {
			types = append(types, v.as)
		}
	}
	return types
}
