package perturb

import (
	"math"

	"github.com/advparams/advparams/onnxio"
)

// bounds are the ends of the range that elements of a tensor may be changed within. The
// tensor's type can represent both.
type bounds struct{ low, high bound }

// bound is a value with the bits that store it. The value of a DOUBLE is rounded to
// float32 and does not determine its bits.
type bound struct {
	value float32
	bits  uint64
}

// boundsOf returns the smallest and the largest finite element of a tensor with the
// elements x. unbounded widens the range by half its width on both sides, as far as the
// type goes. ok is false if the range is empty.
func boundsOf(init *onnxio.Initializer, x []float32, unbounded bool) (b bounds, ok bool) {
	low, high := -1, -1
	for i, v := range x {
		if !finite(v) {
			continue
		}
		if low < 0 || v < x[low] {
			low = i
		}
		if high < 0 || v > x[high] {
			high = i
		}
	}
	if low < 0 || x[low] == x[high] {
		return bounds{}, false
	}
	b = bounds{bound{x[low], init.Bits(low)}, bound{x[high], init.Bits(high)}}
	if unbounded {
		w := x[high]/2 - x[low]/2
		b.low.move(init, x[low]-w)
		b.high.move(init, x[high]+w)
	}
	return b, true
}

// move sets the bound to the nearest number that the tensor can hold, if that is finite.
func (b *bound) move(init *onnxio.Initializer, to float32) {
	bits, err := init.Encode(to)
	if err != nil {
		return
	}
	if v := init.Decode(bits); finite(v) {
		*b = bound{v, bits}
	}
}

func finite(v float32) bool { return !math.IsInf(float64(v), 0) && v == v }
