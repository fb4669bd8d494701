package sealed

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// Left is a parameter that may hold what training made and stays in clear.
type Left struct {
	Name     string
	Elements int
	Why      string
}

// Scales are those of quantised channels that stay in clear.
type Scales struct{ Tensors, Elements int }

// A Plan is what is sealed of a model.
type Plan struct {
	Ranges []onnxio.SealedRange // in the order of files and offsets, without overlaps
	Lists  []onnxio.SealedList  // attributes, none with Options.InPlace
	Left   []Left
	Scales Scales
	// Parameters is the number of elements of all weights, Sealed of those in Ranges.
	Parameters, Sealed int64
}

// Options choose what is sealed.
type Options struct {
	// Wanted says by name whether a parameter is sealed. Nil seals all.
	Wanted func(name string) bool
	// Share, if it is between 0 and 1, seals only the first parameters in graph order:
	// as many whole ones as reach this share of all elements. 0 seals all.
	Share float64
	// Scales seals the scales of quantised channels too. Runtimes fuse a quantised layer
	// only if the scale of its bias is the product of those of its input and its weights,
	// and sealed scales are not.
	Scales bool
	// InPlace leaves lists in clear, which are not sealed by a keystream.
	InPlace bool
	// Undamped leaves exponents as they are.
	Undamped bool
}

// NewPlan finds what is to be sealed.
func NewPlan(m *onnxio.Model, opt Options) (*Plan, error) {
	if opt.Share < 0 || opt.Share > 1 {
		return nil, fmt.Errorf("a share of %v", opt.Share)
	}
	plan := &Plan{}
	var all []*onnxio.Parameter
	for _, p := range m.Parameters() {
		if p.Trained {
			all = append(all, p)
			plan.Parameters += int64(p.Count)
		}
	}
	exponents := map[*onnxio.Parameter][]byte{}
	if !opt.Undamped {
		exponents = dampings(m, all)
	}
	kept := unsealed(m)
	var found []sealable
	var reached int64
	for _, p := range all {
		if opt.Share > 0 && float64(reached) >= opt.Share*float64(plan.Parameters) {
			break
		}
		reached += int64(p.Count)
		if opt.Wanted != nil && !opt.Wanted(p.Name) {
			continue
		}
		if !opt.Scales && scalesChannels(p) {
			plan.Scales.Tensors++
			plan.Scales.Elements += p.Count
			kept = append(kept, bytesOf(p)...)
			continue
		}
		if p.Tensor == nil {
			if why := plan.list(m, p, opt.InPlace); why != "" {
				plan.Left = append(plan.Left, Left{p.Name, p.Count, why})
			}
			continue
		}
		ranges, why := rangesOf(m, p, exponents[p])
		if why != "" {
			plan.Left = append(plan.Left, Left{p.Name, p.Count, why})
			continue
		}
		found = append(found, sealable{p, ranges})
	}
	for _, f := range found {
		if other := overlapping(f.ranges, kept); other != "" {
			plan.Left = append(plan.Left, Left{f.p.Name, f.p.Count, fmt.Sprintf("its bytes are also used by %q, which is not sealed", other)})
			continue
		}
		plan.Ranges = append(plan.Ranges, f.ranges...)
		plan.Sealed += int64(f.p.Count)
	}
	if err := plan.order(m.Files()); err != nil {
		return nil, err
	}
	for i := range plan.Lists {
		plan.Lists[i].Tensor.Index = uint64(len(plan.Ranges) + i)
	}
	return plan, nil
}

// maxList is how many elements a list may have: the key holds their old values.
const maxList = 1 << 20

// list adds a list of floats, or says why it cannot be sealed.
func (p *Plan) list(m *onnxio.Model, param *onnxio.Parameter, inPlace bool) (why string) {
	switch {
	case inPlace:
		return "it is a list, which cannot be sealed in place"
	case param.Count > maxList:
		return fmt.Sprintf("it is a list of more than %d numbers, which the key would have to hold", maxList)
	}
	var data []byte
	for _, r := range param.Lists {
		for i := range r.Count {
			data = append(data, m.Files()[r.File].Bytes(r.Offset+i*int64(r.Stride), int64(r.Width))...)
		}
	}
	t := seal.Tensor{Kind: seal.Float32, Count: int64(param.Count), KeepSigns: seal.SameSigns(seal.Float32, data)}
	p.Lists = append(p.Lists, onnxio.SealedList{Name: param.Name, Ranges: param.Lists, Tensor: t})
	p.Sealed += t.Count
	return ""
}

// sealable is a parameter with its ranges.
type sealable struct {
	p      *onnxio.Parameter
	ranges []onnxio.SealedRange
}

// scalesChannels reports whether a parameter has a scale for each channel of quantised
// numbers. The scales of blocks, which are many more, have as many axes as the numbers.
func scalesChannels(p *onnxio.Parameter) bool {
	return p.Role == onnxio.RoleScale && p.Message != nil && len(p.Message.Dims) == 1 && !slices.ContainsFunc(p.Uses, func(u onnxio.Use) bool {
		return u.Operator != "DequantizeLinear" && u.Operator != "QuantizeLinear"
	})
}

// kinds are the kinds of elements by their type.
var kinds = map[onnxpb.TensorProto_DataType]seal.Kind{
	onnxpb.TensorProto_FLOAT: seal.Float32, onnxpb.TensorProto_DOUBLE: seal.Float64,
	onnxpb.TensorProto_FLOAT16: seal.Float16, onnxpb.TensorProto_BFLOAT16: seal.BFloat16,
	onnxpb.TensorProto_COMPLEX64: seal.Float32, onnxpb.TensorProto_COMPLEX128: seal.Float64,
	onnxpb.TensorProto_FLOAT8E4M3FN: seal.Float8E4M3FN, onnxpb.TensorProto_FLOAT8E4M3FNUZ: seal.Float8E4M3FNUZ,
	onnxpb.TensorProto_FLOAT8E5M2: seal.Float8E5M2, onnxpb.TensorProto_FLOAT8E5M2FNUZ: seal.Float8E5M2FNUZ,
	onnxpb.TensorProto_FLOAT8E8M0: seal.Float8E8M0, onnxpb.TensorProto_FLOAT4E2M1: seal.Bytes,
	onnxpb.TensorProto_INT8: seal.Bytes, onnxpb.TensorProto_UINT8: seal.Bytes,
	onnxpb.TensorProto_INT16: seal.Bytes, onnxpb.TensorProto_UINT16: seal.Bytes,
	onnxpb.TensorProto_INT4: seal.Bytes, onnxpb.TensorProto_UINT4: seal.Bytes,
	onnxpb.TensorProto_INT2: seal.Bytes, onnxpb.TensorProto_UINT2: seal.Bytes,
	onnxpb.TensorProto_INT32: seal.Int32, onnxpb.TensorProto_UINT32: seal.Uint32,
	onnxpb.TensorProto_INT64: seal.Int64, onnxpb.TensorProto_UINT64: seal.Uint64,
}

// rangesOf returns the ranges of a parameter, or why it cannot be sealed.
func rangesOf(m *onnxio.Model, p *onnxio.Parameter, exponents []byte) ([]onnxio.SealedRange, string) {
	kind, ok := kinds[p.Tensor.DataType]
	if !ok {
		return nil, fmt.Sprintf("%v is not known", p.Tensor.DataType)
	}
	if r, n, ok := p.Tensor.Varints(); ok {
		if r.Count > seal.MaxVarints {
			return nil, "its varints are too many"
		}
		t := seal.Tensor{Kind: kind, Count: int64(n), KeepSigns: true}
		return []onnxio.SealedRange{{Name: p.Name, File: r.File, Range: seal.Range{Offset: r.Offset, Length: r.Count, Tensor: t, Varints: true}}}, ""
	}
	places := p.Tensor.Ranges()
	if len(places) == 0 {
		return nil, fmt.Sprintf("its elements have no fixed places in %v", p.Tensor.Storage)
	}
	var ranges []onnxio.SealedRange
	for _, r := range places {
		if !r.Adjacent() {
			return nil, "its elements do not lie side by side"
		}
		size := r.Count * int64(r.Width)
		t := seal.Tensor{Kind: kind, Count: size / int64(kind.Width()), KeepSigns: keepSigns(kind, m.Files()[r.File], r.Offset, size), Exponents: exponents}
		ranges = append(ranges, onnxio.SealedRange{Name: p.Name, File: r.File, Range: seal.Range{Offset: r.Offset, Length: size, Tensor: t}})
	}
	return ranges, ""
}

// keepSigns reports whether elements keep their signs: if all have the same. It looks at a
// megabyte at a time, so that no more of a file is in memory.
func keepSigns(kind seal.Kind, f *onnxio.File, offset, size int64) bool {
	const most = 1 << 20
	if kind == seal.Bytes {
		return false
	}
	var negative, positive bool
	for at := int64(0); at < size && !(negative && positive); at += most {
		n := min(most, size-at)
		minus, plus := seal.Signs(kind, f.Bytes(offset+at, n))
		negative, positive = negative || minus, positive || plus
		f.Release(offset+at, n)
	}
	return !(negative && positive)
}
