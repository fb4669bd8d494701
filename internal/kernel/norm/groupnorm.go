package norm

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// GroupNorm normalises groups of channels of x, of shape [n, c, s], to mean 0 and variance
// 1; eps is added to the variance. It then multiplies each channel by scale and adds bias,
// which have c elements. This is ONNX GroupNormalization from opset 21, and
// InstanceNormalization if each channel is a group.
func GroupNorm(w *parallel.Workers, n, c, s, groups int, eps float32, x, scale, bias, y []float32) {
	per := c / groups
	w.For(n*groups, parallel.GrainOf(per*s), func(lo, hi int) {
		for g := lo; g < hi; g++ {
			mean, inv := moments(row(x, g, per*s), eps)
			for k := range per {
				ch, plane := g%groups*per+k, g*per+k
				a := scale[ch] * inv
				simd.Affine(row(y, plane, s), row(x, plane, s), a, bias[ch]-mean*a)
			}
		}
	})
}

// GroupNormGrad overwrites gx with the gradient of x of [GroupNorm]. With h the normalised
// x and g = gy·scale,
//
//	gx = (g - mean(g) - h·mean(g·h)) / sqrt(var + eps)
func GroupNormGrad(w *parallel.Workers, n, c, s, groups int, eps float32, x, scale, gy, gx []float32) {
	per := c / groups
	ones := orFilled(nil, s, 1)
	defer ones.free()
	w.For(n*groups, parallel.GrainOf(per*s), func(lo, hi int) {
		for g := lo; g < hi; g++ {
			mean, inv := moments(row(x, g, per*s), eps)
			var sum, sumH float32
			for k := range per {
				f, plane := scale[g%groups*per+k], g*per+k
				a, b := simd.NormalizeSums(row(x, plane, s), ones.x, row(gy, plane, s), inv, -mean*inv)
				sum, sumH = sum+f*a, sumH+f*b
			}
			sum, sumH = sum/float32(per*s), sumH/float32(per*s)
			for k := range per {
				f, plane := scale[g%groups*per+k], g*per+k
				simd.NormalizeGrad(row(gx, plane, s), row(x, plane, s), ones.x, row(gy, plane, s), inv*f, -inv*inv*sumH, (mean*inv*sumH-sum)*inv)
			}
		}
	})
}

// GroupNormParams overwrites gscale and gbias with the gradients of scale and bias of
// [GroupNorm]: the sums of gy·h and of gy in each channel.
func GroupNormParams(w *parallel.Workers, n, c, s, groups int, eps float32, x, gy, gscale, gbias []float32) {
	per := c / groups
	ones := orFilled(nil, s, 1)
	defer ones.free()
	w.For(groups, parallel.GrainOf(n*per*s), func(lo, hi int) {
		clear(gscale[lo*per : hi*per])
		clear(gbias[lo*per : hi*per])
		for g := lo; g < hi; g++ {
			for i := range n {
				mean, inv := moments(row(x, i*groups+g, per*s), eps)
				for k := range per {
					ch, plane := g*per+k, i*c+g*per+k
					a, b := simd.NormalizeSums(row(x, plane, s), ones.x, row(gy, plane, s), inv, -mean*inv)
					gbias[ch] += a
					gscale[ch] += b
				}
			}
		}
	})
}
