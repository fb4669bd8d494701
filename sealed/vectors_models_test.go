package sealed

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// The models that vectors are made of.

// oneTensor is a model with a tensor w, which a node uses.
func oneTensor(w *onnxpb.TensorProto) *onnxpb.ModelProto { return manyTensors(w) }

func manyTensors(ws ...*onnxpb.TensorProto) *onnxpb.ModelProto {
	g := &onnxpb.GraphProto{Name: proto.String("g")}
	for _, w := range ws {
		y := "y" + w.GetName()
		g.Initializer = append(g.Initializer, w)
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("Identity"), Input: []string{w.GetName()}, Output: []string{y}})
		g.Output = append(g.Output, &onnxpb.ValueInfoProto{Name: &y, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: w.DataType}}}})
	}
	return &onnxpb.ModelProto{IrVersion: proto.Int64(12), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(25)}}, Graph: g}
}

// rawTensor has n elements of a kind: what such tensors hold, and every special number.
func rawTensor(name string, dt onnxpb.TensorProto_DataType, n int) *onnxpb.TensorProto {
	r := rand.New(rand.NewPCG(uint64(dt), uint64(n)))
	width := kinds[dt].Width()
	if dt == onnxpb.TensorProto_INT16 || dt == onnxpb.TensorProto_UINT16 {
		width = 2 // which are sealed as bytes
	}
	var raw []byte
	for i := range n {
		var bits uint64
		switch f := float32(r.NormFloat64() * 0.1); {
		case i%10 == 9: // any code: infinities, NaN, denormal numbers
			bits = r.Uint64()
			if i%20 == 19 {
				bits &= 0x00ff
			}
		case dt == onnxpb.TensorProto_FLOAT:
			bits = uint64(math.Float32bits(f))
		case dt == onnxpb.TensorProto_DOUBLE:
			bits = math.Float64bits(float64(f))
		case dt == onnxpb.TensorProto_BFLOAT16:
			bits = uint64(math.Float32bits(f) >> 16)
		case dt == onnxpb.TensorProto_FLOAT16:
			bits = uint64(math.Float32bits(f)>>16&0x8000 | (math.Float32bits(f) >> 13 & 0x3ffff) - 112<<10&0x7fff)
		case kinds[dt] == seal.Int32 || kinds[dt] == seal.Int64:
			bits = uint64(int64(f * 10000))
		default:
			bits = uint64(r.IntN(1 << 20))
		}
		raw = append(raw, binary.LittleEndian.AppendUint64(nil, bits)[:width]...)
	}
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(dt)), Dims: []int64{int64(n)}, RawData: raw}
}

// positive makes all numbers of a tensor of floats positive.
func positive(w *onnxpb.TensorProto) *onnxpb.TensorProto {
	for i := 3; i < len(w.RawData); i += 4 {
		w.RawData[i] &= 0x7f
	}
	return w
}

// varints is a tensor whose elements are in int32_data.
func varints(name string, dt onnxpb.TensorProto_DataType, n int) *onnxpb.TensorProto {
	w := rawTensor(name, dt, n)
	for i := range n {
		var x int32
		switch at := w.RawData[i*len(w.RawData)/n:]; {
		case dt == onnxpb.TensorProto_INT32:
			x = int32(binary.LittleEndian.Uint32(at))
		case dt == onnxpb.TensorProto_INT8:
			x = int32(int8(at[0]))
		case len(w.RawData) == n:
			x = int32(at[0])
		case dt == onnxpb.TensorProto_UINT16: // of one to three bytes
			x = int32(binary.LittleEndian.Uint16(at) >> (i % 16))
		default:
			x = int32(binary.LittleEndian.Uint16(at))
		}
		w.Int32Data = append(w.Int32Data, x)
	}
	w.RawData = nil
	return w
}

// external moves the elements of a tensor to a file.
func external(w *onnxpb.TensorProto, location string, offset int) *onnxpb.TensorProto {
	entry := func(k, v string) *onnxpb.StringStringEntryProto {
		return &onnxpb.StringStringEntryProto{Key: &k, Value: &v}
	}
	w.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
	w.ExternalData = []*onnxpb.StringStringEntryProto{entry("location", location), entry("offset", fmt.Sprint(offset)), entry("length", fmt.Sprint(len(w.RawData)))}
	w.RawData = nil
	return w
}

// typed moves the elements of a tensor of floats to float_data, each in a field of its own
// or packed.
func typed(w *onnxpb.TensorProto, packed bool) *onnxpb.TensorProto {
	const floatData = 4 // number of the field
	var fields []byte
	for ; len(w.RawData) > 0; w.RawData = w.RawData[4:] {
		bits := binary.LittleEndian.Uint32(w.RawData)
		w.FloatData = append(w.FloatData, math.Float32frombits(bits))
		fields = protowire.AppendFixed32(protowire.AppendTag(fields, floatData, protowire.Fixed32Type), bits)
	}
	w.RawData = nil
	if !packed {
		w.FloatData = nil
		w.ProtoReflect().SetUnknown(fields)
	}
	return w
}

// filled makes all elements of a tensor of floats the same.
func filled(w *onnxpb.TensorProto, bits uint32) *onnxpb.TensorProto {
	for i := 0; i < len(w.RawData); i += 4 {
		binary.LittleEndian.PutUint32(w.RawData[i:], bits)
	}
	return w
}

// elementsOf returns the bits of the elements in raw_data.
func elementsOf(w *onnxpb.TensorProto, width int) (all []uint64) {
	for i := 0; i < len(w.RawData); i += width {
		var b [8]byte
		copy(b[:], w.RawData[i:i+width])
		all = append(all, binary.LittleEndian.Uint64(b[:]))
	}
	return all
}
