package ops

import (
	"cmp"
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// nms: NonMaxSuppression (opset 10). How many boxes it chooses depends on their scores. Where a
// graph is built for the numbers of a sample anyway, because something else depends on them,
// it has the rows that the standard says. Other graphs hold for all samples, and shapes there
// do not depend on numbers: there are always as many rows as there may be at most. Those
// beyond the boxes that are chosen repeat the one of the least score, or name the box of the
// least score of all if none is chosen. What reads boxes by them finds duplicates, which
// detectors leave out, and no box that was not chosen.

// nms describes the call: boxes [N, A, 4] and scores [N, C, A].
type nms struct {
	samples, places, classes int
	most                     int // boxes of a class of a sample
	overlap, least           float32
	centred                  bool // boxes are centre and size, not corners
}

// corners returns a box as its lower and upper corner.
func (k *nms) corners(b []float32) (lowY, lowX, highY, highX float32) {
	if k.centred {
		return b[1] - b[3]/2, b[0] - b[2]/2, b[1] + b[3]/2, b[0] + b[2]/2
	}
	return min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])
}

// duplicates reports whether two boxes overlap by more than the limit, in shares of what they
// cover together.
func (k *nms) duplicates(a, b []float32) bool {
	ay, ax, aY, aX := k.corners(a)
	by, bx, bY, bX := k.corners(b)
	h, w := min(aY, bY)-max(ay, by), min(aX, bX)-max(ax, bx)
	first, second := (aY-ay)*(aX-ax), (bY-by)*(bX-bx)
	if !(h > 0 && w > 0 && first > 0 && second > 0) {
		return false
	}
	both := h * w
	return both/(first+second-both) > k.overlap
}

// choose writes the boxes that are chosen, sample, class and place of each, and returns their
// number.
func (k *nms) choose(boxes, scores []float32, out []int64) (found int) {
	n, worst := 0, float32(math.Inf(1))
	var last [3]int64 // the one of the least score
	lowest := 0       // score of all
	for i, s := range scores {
		if s < scores[lowest] {
			lowest = i
		}
	}
	for lane := range k.samples * k.classes {
		row := scores[lane*k.places : (lane+1)*k.places]
		own := boxes[lane/k.classes*k.places*4:]
		var order, chosen []int
		for at, s := range row {
			if s > k.least {
				order = append(order, at)
			}
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(row[b], row[a]), a-b) })
		for _, at := range order {
			if len(chosen) == k.most {
				break
			}
			again := slices.ContainsFunc(chosen, func(c int) bool { return k.duplicates(own[at*4:at*4+4], own[c*4:c*4+4]) })
			if again {
				continue
			}
			chosen = append(chosen, at)
			this := [3]int64{int64(lane / k.classes), int64(lane % k.classes), int64(at)}
			copy(out[3*n:], this[:])
			if n++; row[at] < worst {
				worst, last = row[at], this
			}
		}
	}
	found = n
	if n == 0 {
		lane := lowest / k.places
		last = [3]int64{int64(lane / k.classes), int64(lane % k.classes), int64(lowest % k.places)}
	}
	for ; 3*n < len(out); n++ {
		copy(out[3*n:], last[:])
	}
	return found
}

func buildNonMaxSuppression(c *Call) []*Value {
	boxes, scores := c.Float(0), c.Float(1)
	if boxes.Rank() != 3 || boxes.Shape[2] != 4 || scores.Rank() != 3 || scores.Shape[0] != boxes.Shape[0] || scores.Shape[2] != boxes.Shape[1] {
		c.fail("boxes of shape %v and scores of %v", boxes.Shape, scores.Shape)
	}
	k := &nms{samples: boxes.Shape[0], places: boxes.Shape[1], classes: scores.Shape[1], least: float32(math.Inf(-1)), centred: c.Bool("center_point_box", false)}
	first := func(i int, otherwise float32) float32 {
		if c.Optional(i) == nil {
			return otherwise
		}
		return c.firstFloat(i)
	}
	if c.Optional(2) != nil {
		if list := c.KnownInts(2); len(list) == 1 {
			k.most = max(0, min(list[0], k.places))
		} else {
			c.fail("%d numbers of boxes", len(list))
		}
	}
	k.overlap, k.least = first(3, 0), first(4, k.least)
	if !(k.overlap >= 0 && k.overlap <= 1) {
		c.fail("an overlap of %v", k.overlap)
	}
	lanes := k.samples * k.classes
	rows := lanes * k.most
	if k.places == 0 {
		rows = 0
	}
	work := sortWork(lanes, k.places) + 8*perElement*count(lanes, k.most, k.places)
	if x, y, ok := c.decided(boxes, scores); ok && rows > 0 {
		c.spend("NonMaxSuppression", work)
		c.fold("NonMaxSuppression", nd.Int64, []int{rows, 3})
		out := make([]int64, 3*rows)
		n := k.choose(x.Float32s(), y.Float32s(), out)
		return []*Value{c.Const(nd.Of(slices.Clone(out[:3*n]), n, 3))}
	}
	return []*Value{c.emit(nd.Int64, []int{rows, 3}, Op{
		name: "NonMaxSuppression",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			if rows > 0 {
				k.choose(in[0].Float32s(), in[1].Float32s(), out.Int64s())
			}
		}),
		noGrad: []int{0, 1},
		more:   work,
	}, boxes, scores)}
}

// decided returns the elements of two values if they are constants, or the graph holds for
// the present samples alone.
func (c *Call) decided(v, w *Value) (x, y nd.Array, ok bool) {
	x, ok = v.Constant()
	y, also := w.Constant()
	if ok && also {
		return x, y, true
	}
	if !c.deciding() {
		return x, y, false
	}
	if x, ok = c.Known(v); ok {
		y, ok = c.Known(w)
	}
	return x, y, ok
}

// firstFloat returns the one element of an input that is known.
func (c *Call) firstFloat(i int) float32 {
	list := c.KnownFloats(i)
	if len(list) != 1 {
		c.fail("input %d has %d elements", i, len(list))
	}
	return list[0]
}

var suppressions = family{
	"NonMaxSuppression": {10, buildNonMaxSuppression},
}
