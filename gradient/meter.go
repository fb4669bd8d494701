package gradient

import (
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
	return max(s.op.MultiplyAdds(), float64(slots[s.out].Len()), 1)
}
