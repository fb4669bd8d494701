package ops

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/pool"
)

// The work of operators, in multiplications of a product of matrices. It is an estimate
// for Limits.Work, which is to end models that would take for ever.

// perElement is how many multiplications of a product take about as long as reading,
// computing and writing one element elsewhere.
const perElement = 16

// perSine is how many multiplications of a product take about as long as a sine or cosine.
const perSine = 256

// spend counts work that an operator asks for, and ends the build if all operators together
// ask for too much.
func (b *Builder) spend(name string, work float64) {
	if b.worked += work; b.worked > float64(b.Limits.Work) {
		fail("%w", &LimitError{Bound: BoundWork, Limit: b.Limits.Work, Operator: name})
	}
}

// work estimates the multiplications of an operator.
func work(o *Op) float64 {
	if o.Alias() {
		return 0
	}
	elements := float64(o.out.Len())
	if _, ok := o.kernel.(*viewKernel); !ok { // which reads no more than it writes
		for _, x := range o.in {
			elements += float64(x.Len())
		}
	}
	return perElement*elements + o.more + products(o)
}

// products returns the multiplications of convolutions and products of matrices.
func products(o *Op) float64 {
	switch k := o.kernel.(type) {
	case *convKernel:
		return convWork(k.conv)
	case *convTransposeKernel:
		return convWork(k.conv)
	case *productKernel:
		return float64(o.out.Len()) * float64(k.product.K)
	case *batchProductKernel: // of [B,m,k] and [B,k,n] to [B,m,n]
		inner := o.in[0].Shape[2]
		if k.transA {
			inner = o.in[0].Shape[1]
		}
		return float64(o.out.Len()) * float64(inner)
	}
	return 0
}

// MultiplyAdds returns the multiply-adds of products, convolutions, attention and recurrent
// cells, in the number that the definition of the operator has: methods such as Winograd's
// take fewer. It is 0 for other operators.
func (o *Op) MultiplyAdds() float64 {
	switch k := o.kernel.(type) {
	case *convWeightKernel:
		return convWork(k.conv)
	case *gatedKernel:
		return convWork(k.conv)
	}
	return o.multiplied + products(o)
}

func convWork(g conv.Conv) float64 {
	return count(g.Batch, g.OutChannels, g.InChannels/max(g.Group, 1)) * count(g.Out...) * count(g.Kernel...)
}

// poolWork counts the elements that the windows of a pooling operator read. Of a window that
// is larger than the input, only a part lies inside.
func poolWork(g pool.Pool) float64 {
	n := float64(g.Planes)
	for i, k := range g.Kernel {
		n *= float64(g.Out[i]) * float64(min(k, g.In[i]))
	}
	return n * perElement
}

// sortWork is the work of sorting n elements, lanes times.
func sortWork(lanes, n int) float64 {
	return 4 * perElement * float64(lanes) * float64(n) * math.Log2(float64(n)+2)
}

// count multiplies numbers that may be too large for an int together.
func count(dims ...int) float64 {
	n := 1.0
	for _, d := range dims {
		n *= float64(d)
	}
	return n
}
