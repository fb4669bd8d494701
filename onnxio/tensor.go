package onnxio

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Field numbers of TensorProto.
const (
	tensorDims         = 1
	tensorDataType     = 2
	tensorSegment      = 3
	tensorFloatData    = 4
	tensorInt32Data    = 5
	tensorStringData   = 6
	tensorInt64Data    = 7
	tensorName         = 8
	tensorRawData      = 9
	tensorDoubleData   = 10
	tensorUint64Data   = 11
	tensorExternalData = 13
	tensorDataLocation = 14
)

// varintFields are the typed fields without a fixed width.
var varintFields = map[Storage]protowire.Number{
	Int32Data: tensorInt32Data, Int64Data: tensorInt64Data, Uint64Data: tensorUint64Data,
}

// run is a sequence of elements at equal distances in a file.
type run struct {
	file   int // index in Model.files
	offset int
	stride int // bytes from one element to the next
	first  int // index of the first element
	count  int
}

// payload counts what the fields of one TensorProto hold.
type payload struct {
	raw      int // bytes of raw_data
	rawAt    int // where they begin
	rawSeen  bool
	entries  [External]int   // by typed field
	low      [External]int64 // smallest and largest entry of an integer field, as int64
	high     [External]int64
	external bool // data_location is EXTERNAL
	runs     []run
}

// tensor reads the TensorProto in data[pos:end], appends its skeleton, and
// checks that the elements stored are those that type and dimensions ask for.
func (w *walker) tensor(pos, end, depth int) error {
	t := &Initializer{at: pos, end: end}
	var p payload
	var singular once
	for at := pos; at < end; {
		f, err := next(w.data, at, end, tensorDesc)
		if err != nil {
			return fmt.Errorf("%s: %w", t.label(), err)
		}
		at = f.end
		if f.desc == nil {
			continue
		}
		if err = singular.field(f); err == nil {
			var keep bool
			if keep, err = w.tensorField(t, &p, f); err == nil && keep {
				err = w.field(f, depth)
			}
		}
		if err != nil {
			w.findName(t, at)
			return fmt.Errorf("%s: %w", t.label(), err)
		}
	}
	if err := t.settle(w.data, p); err != nil {
		return fmt.Errorf("%s: %w", t.label(), err)
	}
	w.skeleton = protowire.AppendTag(w.skeleton, tensorRawData, protowire.BytesType)
	w.skeleton = protowire.AppendVarint(w.skeleton, 4)
	w.skeleton = protowire.AppendFixed32(w.skeleton, uint32(len(w.tensors)))
	w.tensors = append(w.tensors, t)
	return nil
}

// findName looks ahead for the name of a tensor that is refused at pos.
func (w *walker) findName(t *Initializer, pos int) {
	for pos < t.end {
		f, err := next(w.data, pos, t.end, tensorDesc)
		if err != nil {
			return
		}
		if pos = f.end; f.num == tensorName {
			t.Name = string(w.data[f.payload:f.end])
		}
	}
}

// tensorField notes one field; keep reports whether it belongs in the skeleton,
// where its value is checked.
func (w *walker) tensorField(t *Initializer, p *payload, f wireField) (keep bool, err error) {
	content := w.data[f.payload:f.end]
	switch f.num {
	case tensorDims:
		for len(content) > 0 {
			v, n := protowire.ConsumeVarint(content)
			if n < 0 {
				return false, malformed(WireFormat, "malformed dims")
			}
			content = content[n:]
			d := int64(v)
			if d < 0 || d > math.MaxInt {
				return false, malformed(TensorDims, "dimension %d is out of range", d)
			}
			if len(t.Dims) == maxRank {
				return false, malformed(TensorDims, "more than %d dimensions", maxRank)
			}
			t.Dims = append(t.Dims, int(d))
		}
	case tensorDataType:
		v, _ := protowire.ConsumeVarint(content)
		t.DataType = onnxpb.TensorProto_DataType(int32(v)) // more than 32 bits are refused later
	case tensorName:
		t.Name = string(content)
	case tensorSegment:
		return false, malformed(TensorSegment, "tensors in segments are not supported")
	case tensorRawData:
		p.rawSeen, p.rawAt, p.raw = true, f.payload, len(content)
		return false, nil
	case tensorFloatData:
		return false, p.fixed(FloatData, f, 4)
	case tensorDoubleData:
		return false, p.fixed(DoubleData, f, 8)
	case tensorInt32Data:
		return false, p.varints(Int32Data, content)
	case tensorInt64Data:
		return false, p.varints(Int64Data, content)
	case tensorUint64Data:
		return false, p.varints(Uint64Data, content)
	case tensorStringData:
		p.entries[StringData]++
		return false, nil
	case tensorExternalData:
		return true, t.externalEntry(w.data, f)
	case tensorDataLocation:
		v, _ := protowire.ConsumeVarint(content)
		p.external = v == uint64(onnxpb.TensorProto_EXTERNAL)
	}
	return true, nil
}

// fixed notes float_data or double_data: a packed chunk or a single element.
func (p *payload) fixed(s Storage, f wireField, width int) error {
	size := f.end - f.payload
	if size%width != 0 {
		return malformed(WireFormat, "%v of %d bytes, not a multiple of %d", s, size, width)
	}
	r := run{offset: f.payload, stride: width, first: p.entries[s], count: size / width}
	p.entries[s] += r.count
	if r.count == 0 {
		return nil
	}
	// Unpacked elements are a tag apart: one run, not one each.
	if n := len(p.runs); n > 0 && r.count == 1 {
		last := &p.runs[n-1]
		gap := r.offset - (last.offset + (last.count-1)*last.stride)
		if last.first+last.count == r.first && (last.count == 1 || gap == last.stride) && gap >= width {
			last.stride = gap
			last.count++
			return nil
		}
	}
	p.runs = append(p.runs, r)
	return nil
}

// varints counts the entries of an integer field, and notes their range.
func (p *payload) varints(s Storage, content []byte) error {
	low, high := p.low[s], p.high[s]
	for len(content) > 0 {
		v, n := uint64(content[0]), 1
		if v >= 0x80 { // most quantised weights are numbers of one byte
			if v, n = protowire.ConsumeVarint(content); n < 0 {
				return malformed(WireFormat, "malformed %v", s)
			}
		}
		content = content[n:]
		low, high = min(low, int64(v)), max(high, int64(v))
		p.entries[s]++
	}
	p.low[s], p.high[s] = low, high
	return nil
}

// checkRange checks the entries of an integer field, 0 counting as one of them.
// Readers cut off the upper bits of those that are too large, or refuse them, or
// take them for true.
func (t *Initializer) checkRange(p payload) error {
	low, high := int64(0), int64(0)
	switch {
	case varintFields[t.Storage] == 0 || t.elem.bits == 64:
		return nil
	case t.elem.kind == kindBool:
		high = 1
	case t.elem.packed():
		high = math.MaxUint8 // a byte of them
	case t.elem.kind == kindSigned:
		low, high = -1<<(t.elem.bits-1), 1<<(t.elem.bits-1)-1
	default: // bits of floats are stored as unsigned numbers
		high = 1<<t.elem.bits - 1
	}
	if p.low[t.Storage] < low {
		return malformed(TensorValue, "%v has no %d, which is in %v", t.DataType, p.low[t.Storage], t.Storage)
	}
	if p.high[t.Storage] > high {
		return malformed(TensorValue, "%v has no %d, which is in %v", t.DataType, p.high[t.Storage], t.Storage)
	}
	return nil
}

// checkBools refuses bytes other than 0 and 1: what a reader computes with them is
// undefined in C++.
func (t *Initializer) checkBools(data []byte) error {
	if t.elem.kind != kindBool {
		return nil
	}
	for i, b := range data {
		if b > 1 {
			return malformed(TensorValue, "element %d is stored as %d, neither true nor false", i, b)
		}
	}
	return nil
}

// settle decides which storage a tensor uses and checks its size. External data
// is only located: its file is opened later.
func (t *Initializer) settle(data []byte, p payload) error {
	elem, ok := elemTypes[t.DataType]
	if !ok {
		return malformed(TensorType, "%w", &DataTypeError{t.DataType})
	}
	t.elem = elem
	var err error
	if t.n, err = nd.CheckedSize(t.Dims); err != nil {
		return malformed(TensorDims, "%w", err)
	}
	if t.ext != nil && !p.external {
		return malformed(TensorStorage, "external_data is given, but data_location is not EXTERNAL")
	}
	t.Storage, err = p.storage()
	if err != nil {
		return err
	}
	switch t.Storage {
	case Raw, External:
		if elem.kind == kindString {
			if t.Storage == External || p.raw > 0 {
				return malformed(TensorStorage, "strings cannot be stored in %v", t.Storage)
			}
			if t.n > 0 {
				return t.sizeError(0, t.n, "entries")
			}
			return nil
		}
		size, ok := elem.bytes(t.n)
		if !ok {
			return malformed(TensorDims, "%v%v has too many bytes", t.DataType, t.Dims)
		}
		r := run{offset: p.rawAt, stride: elem.bits / 8, count: t.n}
		if t.Storage == External {
			return t.locate(r, size)
		}
		if p.raw != size {
			return t.sizeError(p.raw, size, "bytes")
		}
		t.runs = []run{r}
		return t.checkBools(data[r.offset:][:size])
	default:
		if elem.field != t.Storage {
			return malformed(TensorStorage, "%v elements cannot be stored in %v", t.DataType, t.Storage)
		}
		if p.rawSeen { // readers prefer it
			return malformed(TensorStorage, "raw_data is given and empty, beside %v", t.Storage)
		}
		if have, want := p.entries[t.Storage], elem.entries(t.n); have != want {
			return t.sizeError(have, want, "entries")
		}
		t.runs = p.runs
		return t.checkRange(p)
	}
}

// storage picks the one place that holds anything. Empty lists do not count:
// some exporters write them, and readers cannot tell them from absent ones.
func (p *payload) storage() (Storage, error) {
	var used []Storage
	if p.raw > 0 {
		used = append(used, Raw)
	}
	for s, n := range p.entries {
		if n > 0 {
			used = append(used, Storage(s))
		}
	}
	if p.external {
		used = append(used, External)
	}
	switch len(used) {
	case 0:
		return Raw, nil
	case 1:
		return used[0], nil
	}
	return 0, malformed(TensorStorage, "elements are stored twice, in %v and in %v", used[0], used[1])
}

func (t *Initializer) sizeError(have, want int, unit string) error {
	if have == 0 {
		return malformed(TensorSize, "%v%v should have %d elements, but there are none", t.DataType, t.Dims, t.n)
	}
	return malformed(TensorSize, "%v%v needs %d %s of %v, but there are %d", t.DataType, t.Dims, want, unit, t.Storage, have)
}

// label names a tensor in messages: tensors of attributes need not have names.
func (t *Initializer) label() string {
	if t.Name == "" {
		return fmt.Sprintf("unnamed tensor at byte %d", t.at)
	}
	return fmt.Sprintf("tensor %q", t.Name)
}
