package onnxio

import "github.com/advparams/advparams/onnxio/onnxpb"

// checkType checks the element types of an input or output, which may be left out.
func checkType(t *onnxpb.TypeProto) error {
	elem := func(v int32) error {
		if _, known := elemTypes[onnxpb.TensorProto_DataType(v)]; !known {
			return malformed(ValueType, "elements of unknown type %v", onnxpb.TensorProto_DataType(v))
		}
		return nil
	}
	switch v := t.GetValue().(type) {
	case *onnxpb.TypeProto_TensorType:
		return elem(v.TensorType.GetElemType())
	case *onnxpb.TypeProto_SparseTensorType:
		return elem(v.SparseTensorType.GetElemType())
	case *onnxpb.TypeProto_SequenceType:
		return checkElemType(v.SequenceType.GetElemType())
	case *onnxpb.TypeProto_OptionalType:
		return checkElemType(v.OptionalType.GetElemType())
	case *onnxpb.TypeProto_MapType:
		if err := elem(v.MapType.GetKeyType()); err != nil {
			return err
		}
		return checkElemType(v.MapType.GetValueType())
	}
	return nil
}

// checkElemType checks the type of what a list holds, which may not be left out.
func checkElemType(t *onnxpb.TypeProto) error {
	if t.GetValue() == nil {
		return malformed(ValueType, "elements without a type")
	}
	return checkType(t)
}

// fits checks an initializer against the graph input of its name.
func (t *Initializer) fits(v *onnxpb.ValueInfoProto) error {
	if v.GetType() == nil {
		return nil
	}
	tensor := v.GetType().GetTensorType()
	if tensor == nil || tensor.GetElemType() != int32(t.DataType) {
		return malformed(InitializerType, "initializer %q of type %v is an input of another type", t.Name, t.DataType)
	}
	if tensor.GetShape() == nil {
		return nil
	}
	dims := tensor.GetShape().GetDim()
	same := len(dims) == len(t.Dims)
	for i := 0; same && i < len(dims); i++ {
		d, fixed := dims[i].GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue)
		same = !fixed || d.DimValue == int64(t.Dims[i])
	}
	if !same {
		return malformed(InitializerType, "initializer %q of shape %v is an input of another shape", t.Name, t.Dims)
	}
	return nil
}
