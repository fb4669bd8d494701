package quantize

import "math"

// Dynamic sets y to x as numbers of 8 bits stand for it. Their scale and zero point are
// chosen so that the range of x and 0 just fits, as ONNX's DynamicQuantizeLinear does. y
// may be x.
func Dynamic(x, y []float32) {
	var lo, hi float32
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	scale := (hi - lo) / 255
	if scale == 0 {
		clear(y[:len(x)])
		return
	}
	zero := float32(math.RoundToEven(float64(min(max(-lo/scale, 0), 255))))
	for i, v := range x {
		q := float32(math.RoundToEven(float64(v / scale)))
		y[i] = (min(max(q+zero, 0), 255) - zero) * scale
	}
}
