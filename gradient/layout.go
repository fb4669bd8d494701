package gradient

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
)

// layout orders the operators and assigns a slot to every value. Operators run in
// the order they were made: the forward part in the order of the file, the backward
// part in that of the differentiation. A value is therefore used soon after it is
// computed.
type layout struct {
	c      *compiler
	slots  []nd.Array
	of     map[*ops.Value]int
	values []*ops.Value // by slot
	steps  []step
	ahead  int // steps of the forward part
	done   map[*ops.Value]bool
	pin    map[int]bool // slots that are read after the last step
	bytes  int64        // of all buffers
}

func newLayout(c *compiler) *layout {
	return &layout{c: c, of: map[*ops.Value]int{}, done: map[*ops.Value]bool{}, pin: map[int]bool{}}
}

// slot returns the slot of a value, and assigns one if it has none.
func (l *layout) slot(v *ops.Value) int {
	s, ok := l.of[v]
	if !ok {
		s = len(l.slots)
		l.of[v] = s
		a, known := v.Constant()
		if !known {
			a = nd.Array{Shape: v.Shape}
		}
		l.slots, l.values = append(l.slots, a), append(l.values, v)
	}
	return s
}

// forward adds the steps that compute the outputs.
func (l *layout) forward(outputs []*ops.Value) {
	l.add(outputs)
	l.ahead = len(l.steps)
}

// backward adds the steps that compute the gradients from the seeds.
func (l *layout) backward(grads, seeds []*ops.Value) {
	for _, v := range seeds {
		if v != nil {
			l.pin[l.slot(v)] = true
		}
	}
	l.add(grads)
}

func (l *layout) add(wanted []*ops.Value) {
	var pending []*ops.Value
	stack := slices.Clone(wanted)
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if l.done[v] {
			continue
		}
		l.done[v] = true
		if _, known := v.Constant(); known || v.Op() == nil {
			continue
		}
		pending = append(pending, v)
		stack = append(stack, v.Inputs()...)
	}
	slices.SortFunc(pending, func(a, b *ops.Value) int { return cmp.Compare(a.Op().ID(), b.Op().ID()) })
	for _, v := range pending {
		s := step{op: v.Op(), out: l.slot(v)}
		for _, x := range v.Inputs() {
			s.in = append(s.in, l.slot(x))
		}
		l.steps = append(l.steps, s)
	}
	for _, v := range wanted {
		l.pin[l.slot(v)] = true
	}
}

// allocate gives every computed value memory. A buffer is reused once the last step
// that reads it has run. With keep, the buffers of the forward part are not reused.
// Aliases (Reshape) share the memory of their input when they run.
func (l *layout) allocate(keep bool) error {
	root := make([]int, len(l.slots))
	for i := range root {
		root[i] = i
	}
	for _, s := range l.steps {
		if s.op.Alias() {
			root[s.out] = root[s.in[0]]
		}
	}
	for name, v := range l.c.params {
		l.slots[l.slot(v)] = l.c.cfg.Weights.arrays[name]
	}
	last := make([]int, len(l.slots))
	for i, s := range l.steps {
		for _, k := range s.touches() {
			last[root[k]] = i
		}
	}
	for k := range l.pin {
		last[root[k]] = len(l.steps)
	}
	if keep {
		for _, s := range l.steps[:l.ahead] {
			last[root[s.out]] = len(l.steps)
		}
	}
	for v, k := range l.of { // seeds
		if l.pin[k] && v.Op() == nil && l.slots[k].Data == nil {
			l.slots[k] = nd.New(v.DType, v.Shape...)
		}
	}
	pool := arena{limit: l.c.cfg.Memory}
	defer func() { l.bytes = pool.total }()
	for i := 0; i < len(l.steps); {
		n := together(l.steps[i:])
		group := l.steps[i : i+n]
		over := map[int]bool{} // memory that was taken over is not free
		for j, s := range group {
			if s.op.Alias() {
				continue
			}
			v := l.values[s.out]
			if r := l.takeover(group[:j+1], i+j, root, last); r >= 0 {
				over[r] = true
				l.slots[s.out] = shaped(l.slots[r], v.Len(), v.Shape)
				continue
			}
			a, err := pool.get(v.DType, v.Shape)
			if err != nil {
				return err
			}
			l.slots[s.out] = a
		}
		// The buffers that a group no longer needs are free only when all of it has
		// run.
		for j, s := range group {
			for _, k := range s.touches() {
				if r := root[k]; last[r] == i+j && l.values[r].Op() != nil && !over[r] {
					over[r] = true
					pool.put(l.slots[r])
				}
			}
		}
		i += n
	}
	return nil
}

// takeover returns the slot of an input whose memory the last step of a group, step
// i, can overwrite with its output, or -1 if there is none. No other step may read
// the input afterwards. The first step of a group may read its inputs at any time,
// unless this one is its companion. The other steps have read an element before
// this one writes it.
func (l *layout) takeover(group []step, i int, root, last []int) int {
	s := group[len(group)-1]
	v := l.values[s.out]
	for _, j := range s.op.Overwrites() {
		r := root[s.in[j]]
		readers := 0
		for _, k := range s.in {
			if root[k] == r {
				readers++
			}
		}
		if len(group) > 1 && s.op.Host() == nil {
			for _, k := range group[0].in {
				if root[k] == r {
					readers++
				}
			}
		}
		if x := l.values[r]; last[r] == i && readers == 1 && x.Op() != nil && x.DType == v.DType && x.Len() == v.Len() {
			return r
		}
	}
	return -1
}

// users returns, for every weight, the indices of the forward steps that depend on
// it, in order.
func (l *layout) users(params map[string]*ops.Value, forward int) map[string][]int {
	readers := make([][]int, len(l.slots))
	for i, s := range l.steps[:forward] {
		for _, k := range s.in {
			readers[k] = append(readers[k], i)
		}
	}
	out := map[string][]int{}
	for name, v := range params {
		dirty := map[int]bool{}
		for queue := []int{l.slot(v)}; len(queue) > 0; {
			k := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			for _, i := range readers[k] {
				if !dirty[i] {
					dirty[i] = true
					queue = append(queue, l.steps[i].out)
				}
			}
		}
		for i := range dirty {
			out[name] = append(out[name], i)
		}
		slices.Sort(out[name])
	}
	return out
}
