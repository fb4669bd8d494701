package gradient

import (
	"math"
	"sync/atomic"

	"github.com/advparams/advparams/nd"
)

// Meter counts the work of the programs that have it in their configuration. Unlike
// time, the count is the same in every run and on every machine.
type Meter struct{ work atomic.Int64 }

// Work returns the multiply-adds of all runs so far. An operator that multiplies no
// matrices counts as one for each element of its output.
func (m *Meter) Work() int64 { return m.work.Load() }

// add counts one run of a step; m may be nil.
func (m *Meter) add(s *step, slots []nd.Array) {
	if m != nil && !s.op.Alias() {
		m.work.Add(int64(s.work(slots)))
	}
}

// count counts work that was done without a step; m may be nil.
func (m *Meter) count(work int64) {
	if m != nil {
		m.work.Add(work)
	}
}

// work returns the multiply-adds of a step.
func (s *step) work(slots []nd.Array) float64 {
	arg := func(i int) nd.Array { return slots[s.in[i]] }
	size := func(a nd.Array) float64 { return float64(max(a.Len(), 1)) }
	perFilter := func(w nd.Array) float64 { return size(w) / float64(max(w.Shape[0], 1)) }
	out := slots[s.out]
	switch s.op.Name() {
	case "Conv":
		return size(out) * perFilter(arg(1))
	case "ConvTranspose":
		return size(arg(0)) * perFilter(arg(1))
	case "ConvWeight": // of the input and the gradient by the output
		return size(arg(1)) * perFilter(out)
	case "Gemm": // [m,k]·[k,n], either of them transposed
		return math.Sqrt(size(arg(0)) * size(arg(1)) * size(out))
	case "MatMul": // a batch of such products
		return math.Sqrt(size(arg(0)) * size(arg(1)) * size(out) / float64(max(out.Shape[0], 1)))
	}
	return size(out)
}
