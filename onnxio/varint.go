package onnxio

import "google.golang.org/protobuf/encoding/protowire"

// eachVarint is each for int32_data, int64_data and uint64_data. Their entries
// are found by reading the TensorProto again; the walk has counted them.
//
// An entry of int32_data holds the bits of one element of a narrow type, sign
// extended or not, or of two 4-bit or four 2-bit elements, the first lowest.
func (t *Initializer) eachVarint(number protowire.Number, yield func(i int, bits uint64) bool) {
	data := t.model.files[0].data
	mask := ^uint64(0) >> (64 - t.elem.bits)
	i := 0
	for pos := t.at; pos < t.end; {
		f, err := next(data, pos, t.end, tensorDesc)
		if err != nil {
			return // cannot happen: the walk has read the same bytes
		}
		pos = f.end
		if f.num != number {
			continue
		}
		for content := data[f.payload:f.end]; len(content) > 0; {
			v, n := protowire.ConsumeVarint(content)
			content = content[n:]
			perEntry := 1
			if t.elem.packed() {
				perEntry = 8 / t.elem.bits
			}
			for range min(perEntry, t.n-i) {
				if !yield(i, v&mask) {
					return
				}
				v >>= t.elem.bits
				i++
			}
		}
	}
}
