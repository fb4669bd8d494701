package perturb

import (
	"math"
	"slices"

	"github.com/advparams/advparams/onnxio"
)

// A graph has constants that training did not make: ranges, grids of anchors, positions of
// sines and cosines, masks. Whoever looks at a locked model sees what they were, so that
// changing them locks nothing.

// Constant says in a word or two what a tensor is that training did not make; "" if it
// looks trained. x are its elements in row-major order.
func Constant(init *onnxio.Initializer, x []float32) string {
	dims := long(init.Dims)
	switch {
	case len(x) < 2 || slices.Min(x) == slices.Max(x):
		return "one value"
	case of01(x):
		return "zeros and ones"
	case masked(x):
		return "a mask"
	case len(dims) == 1 && len(x) >= 4 && progression(x):
		return "a range"
	case halves(x):
		return "a grid of whole numbers"
	case len(x) >= shortest && waves(x, dims):
		return "sines and cosines"
	case len(dims) >= 3 && repeated(x, dims):
		return "one filter for all channels"
	}
	return ""
}

// shortest is the length of the shortest progression that is no accident.
const shortest = 8

// long returns the axes that are longer than 1.
func long(dims []int) []int {
	return slices.DeleteFunc(slices.Clone(dims), func(n int) bool { return n == 1 })
}

// of01 reports whether all elements are 0 or 1, as in one-hot tables.
func of01(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v != 0 && v != 1 })
}

// masked reports whether elements are one of two values, one of which stands for minus
// infinity.
func masked(x []float32) bool {
	low, high := slices.Min(x), slices.Max(x)
	return low <= -1e4 && !slices.ContainsFunc(x, func(v float32) bool { return v != low && v != high })
}

// progression reports whether all differences or all ratios of neighbours are equal.
func progression(x []float32) bool {
	d, r := float64(x[1])-float64(x[0]), float64(x[1])/float64(x[0])
	size := math.Max(math.Abs(float64(x[0])), math.Abs(float64(x[len(x)-1])))
	even, geometric := true, !math.IsNaN(r) && !math.IsInf(r, 0) && r != 0
	for i := 1; i < len(x); i++ {
		even = even && near(float64(x[i])-float64(x[i-1]), d, size)
		geometric = geometric && near(float64(x[i])/float64(x[i-1]), r, math.Abs(r))
	}
	return even || geometric
}

// halves reports whether all elements are multiples of a half and cover more than a few
// steps: indices, centres of cells, strides.
func halves(x []float32) bool {
	if len(x) < 4 || slices.Max(x)-slices.Min(x) < 2 {
		return false
	}
	for _, v := range x {
		if h := 2 * float64(v); h != math.Trunc(h) || math.Abs(h) > 1<<20 {
			return false
		}
	}
	return true
}

// waves reports whether the columns of a table are sines of the row: along the rows, the
// sum of the elements before and after each element is the same multiple of it.
func waves(x []float32, dims []int) bool {
	if len(dims) == 0 {
		return false
	}
	width := dims[len(dims)-1]
	if len(dims) == 1 {
		width = 1
	}
	rows := len(x) / width
	if len(dims) > 2 {
		rows = dims[len(dims)-2] // of the first table; others repeat it or continue it
	}
	if rows < shortest {
		return false
	}
	good := 0
	for c := range width {
		if wave(func(i int) float64 { return float64(x[i*width+c]) }, rows) {
			good++
		}
	}
	return good*10 >= width*9
}

// wave reports whether a column is a sine of its index, or constant.
func wave(at func(i int) float64, n int) bool {
	size, best := 0.0, 1
	for i := range n {
		size = math.Max(size, math.Abs(at(i)))
		if i > 0 && i < n-1 && math.Abs(at(i)) > math.Abs(at(best)) {
			best = i
		}
	}
	if size == 0 {
		return true
	}
	ratio := (at(best-1) + at(best+1)) / at(best)
	if !(math.Abs(ratio) <= 2.01) {
		return false
	}
	for i := 1; i < n-1; i++ {
		if !near(at(i-1)+at(i+1), ratio*at(i), size) {
			return false
		}
	}
	return true
}

// repeated reports whether all slices along the first axis are equal, or, if there is a
// square of slices, those on its diagonal, and all others zero: a kernel that resizes or
// blurs each channel.
func repeated(x []float32, dims []int) bool {
	n := len(x) / dims[0]
	equal := true
	for i := range dims[0] {
		equal = equal && slices.Equal(x[i*n:(i+1)*n], x[:n])
	}
	if equal || dims[0] != dims[1] || len(dims) < 4 {
		return equal
	}
	size := n / dims[1]
	zero := make([]float32, size)
	for i := range dims[0] {
		for j := range dims[1] {
			want := zero
			if i == j {
				want = x[:size]
			}
			if !slices.Equal(x[i*n+j*size:i*n+(j+1)*size], want) {
				return false
			}
		}
	}
	return true
}

// near reports whether two numbers are equal but for rounding of numbers of some size.
func near(a, b, size float64) bool { return math.Abs(a-b) <= 2e-5*size }
