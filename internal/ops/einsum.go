package ops

import (
	"slices"
	"strings"

	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// einsum: Einsum (opset 12). The operands are multiplied one after another as
// batches of matrices. Axes that both operands and the result have are the batch.
// Axes that only the operands have are summed over. All of it is composed of
// transpositions and matrix products, and so is the gradient.

// label names an axis of an einsum. It is a letter, or for an axis of an ellipsis a
// negative number that counts from the ellipsis's end.
type label int

// term is an operand with the labels of its axes, each once.
type term struct {
	v      *Value
	labels []label
}

// einsum is the equation of an Einsum: the labels of its operands and of its
// result.
type einsum struct {
	inputs [][]label
	output []label
}

// parseEinsum reads an equation for operands of the given ranks.
func (c *Call) parseEinsum(equation string, ranks []int) einsum {
	left, right, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	texts := strings.Split(left, ",")
	if len(texts) != len(ranks) {
		c.fail("equation %q for %d operands", equation, len(ranks))
	}
	var e einsum
	ellipsis := 0 // axes of the longest
	for i, text := range texts {
		n := ranks[i] - len(strings.Replace(text, "...", "", 1))
		if n < 0 || n > 0 && !strings.Contains(text, "...") {
			c.fail("term %q of equation %q for an operand of rank %d", text, equation, ranks[i])
		}
		e.inputs = append(e.inputs, c.labels(text, n))
		ellipsis = max(ellipsis, n)
	}
	if explicit {
		e.output = c.labels(right, ellipsis)
	} else {
		e.output = implicitOutput(e.inputs, ellipsis)
	}
	for i, l := range e.output {
		if slices.Contains(e.output[:i], l) || !slices.ContainsFunc(e.inputs, func(in []label) bool { return slices.Contains(in, l) }) {
			c.fail("output of equation %q: an index twice, or one of no input", equation)
		}
	}
	return e
}

// labels reads one term, in which an ellipsis stands for n axes.
func (c *Call) labels(text string, n int) []label {
	var out []label
	before, after, found := strings.Cut(text, "...")
	for _, r := range before {
		out = append(out, label(r))
	}
	for i := n; found && i > 0; i-- {
		out = append(out, label(-i))
	}
	for _, r := range after {
		out = append(out, label(r))
	}
	for _, l := range out {
		if l >= 0 && (l < 'A' || l > 'Z') && (l < 'a' || l > 'z') {
			c.fail("term %q: %q is not a letter", text, rune(l))
		}
	}
	return out
}

// implicitOutput returns the axes of the ellipsis, and then the letters that appear
// once, in alphabetical order.
func implicitOutput(inputs [][]label, ellipsis int) []label {
	count := map[label]int{}
	for _, in := range inputs {
		for _, l := range in {
			count[l]++
		}
	}
	var out []label
	for i := ellipsis; i > 0; i-- {
		out = append(out, label(-i))
	}
	for l := label('A'); l <= 'z'; l++ {
		if count[l] == 1 {
			out = append(out, l)
		}
	}
	return out
}

// diagonal returns x with axes of equal labels merged into one.
func (b *Builder) diagonal(x term) term {
	strides := nd.Strides(x.v.Shape)
	var v strided.View
	var labels []label
	for i, l := range x.labels {
		n := x.v.Shape[i]
		k := slices.Index(labels, l)
		if k < 0 {
			labels, v.Shape, v.Stride = append(labels, l), append(v.Shape, n), append(v.Stride, strides[i])
			continue
		}
		if v.Shape[k] != n {
			fail("an index of length %d and %d in one operand", v.Shape[k], n)
		}
		v.Stride[k] += strides[i]
	}
	if len(labels) == len(x.labels) {
		return x
	}
	return term{b.view("Diagonal", x.v, v), labels}
}

// sumOut sums over the axes for which keep is false.
func (b *Builder) sumOut(x term, keep func(label) bool) term {
	var axes []int
	var labels []label
	for i, l := range x.labels {
		if keep(l) {
			labels = append(labels, l)
		} else {
			axes = append(axes, i)
		}
	}
	if axes == nil {
		return x
	}
	return term{b.squeeze(b.Sum(x.v, axes...), axes), labels}
}

// ordered transposes x to the given order of its axes.
func (b *Builder) ordered(x term, labels []label) *Value {
	perm := make([]int, len(labels))
	for i, l := range labels {
		perm[i] = slices.Index(x.labels, l)
	}
	return b.Transpose(x.v, perm...)
}

// sizes returns the lengths of the named axes of x.
func (x term) sizes(labels []label) []int {
	out := make([]int, len(labels))
	for i, l := range labels {
		out[i] = x.v.Shape[slices.Index(x.labels, l)]
	}
	return out
}

// contract multiplies two operands and sums over the axes that they share, except
// those for which keep is true.
func (b *Builder) contract(x, y term, keep func(label) bool) term {
	inX := func(l label) bool { return slices.Contains(x.labels, l) }
	inY := func(l label) bool { return slices.Contains(y.labels, l) }
	x = b.sumOut(x, func(l label) bool { return inY(l) || keep(l) })
	y = b.sumOut(y, func(l label) bool { return inX(l) || keep(l) })
	var batch, summed, rows, columns []label
	for _, l := range x.labels {
		switch {
		case !inY(l):
			rows = append(rows, l)
		case keep(l):
			batch = append(batch, l)
		default:
			summed = append(summed, l)
		}
	}
	for _, l := range y.labels {
		if !inX(l) {
			columns = append(columns, l)
		}
	}
	labels := slices.Concat(batch, rows, columns)
	shape := slices.Concat(x.sizes(batch), x.sizes(rows), y.sizes(columns))
	size := nd.Size(x.sizes(batch))
	m, k, n := nd.Size(x.sizes(rows)), nd.Size(x.sizes(summed)), nd.Size(y.sizes(columns))
	if len(summed) == 0 {
		z := b.Mul(b.Reshape(b.ordered(x, slices.Concat(batch, rows)), size, m, 1), b.Reshape(b.ordered(y, slices.Concat(batch, columns)), size, 1, n))
		return term{b.Reshape(z, shape...), labels}
	}
	// Operands with transposed axes are multiplied as they are.
	transX, transY := slices.Equal(x.labels, slices.Concat(batch, summed, rows)), slices.Equal(y.labels, slices.Concat(batch, columns, summed))
	left, right := []int{size, m, k}, []int{size, k, n}
	if transX {
		left = []int{size, k, m}
	} else {
		x = term{v: b.ordered(x, slices.Concat(batch, rows, summed))}
	}
	if transY {
		right = []int{size, n, k}
	} else {
		y = term{v: b.ordered(y, slices.Concat(batch, summed, columns))}
	}
	if len(batch) == 0 {
		z := b.gemm(transX, transY, b.Reshape(x.v, left[1:]...), b.Reshape(y.v, right[1:]...))
		return term{b.Reshape(z, shape...), labels}
	}
	z := b.gemmBatch(transX, transY, b.Reshape(x.v, left...), b.Reshape(y.v, right...))
	return term{b.Reshape(z, shape...), labels}
}

// terms returns the operands with each label once. An axis of length 1 that is
// longer in another operand is dropped, because it would only be repeated.
func (c *Call) terms(e einsum) []term {
	size := map[label]int{}
	terms := make([]term, len(e.inputs))
	for i, labels := range e.inputs {
		terms[i] = c.diagonal(term{c.Cast(c.Input(i), nd.Float32), labels})
		for k, l := range terms[i].labels {
			n := terms[i].v.Shape[k]
			old, ok := size[l]
			if ok && old != n && old != 1 && n != 1 {
				c.fail("an index of length %d and %d", old, n)
			}
			if !ok || n != 1 {
				size[l] = n
			}
		}
	}
	for i, t := range terms {
		terms[i] = c.sumOut(t, func(l label) bool {
			return t.v.Shape[slices.Index(t.labels, l)] != 1 || size[l] == 1
		})
	}
	return terms
}

// buildEinsum computes integers in float32, which is exact up to 2²⁴.
func buildEinsum(c *Call) []*Value {
	t := c.Input(0).DType
	ranks := make([]int, c.NumInputs())
	for i := range ranks {
		x := c.Input(i)
		if ranks[i] = x.Rank(); x.DType != t || t == nd.Bool {
			c.fail("operands of type %v and %v", t, x.DType)
		}
	}
	e := c.parseEinsum(c.String("equation", ""), ranks)
	terms := c.terms(e)
	z := terms[0]
	for i, y := range terms[1:] {
		z = c.contract(z, y, func(l label) bool {
			return slices.Contains(e.output, l) || slices.ContainsFunc(terms[i+2:], func(t term) bool { return slices.Contains(t.labels, l) })
		})
	}
	z = c.sumOut(z, func(l label) bool { return slices.Contains(e.output, l) })
	return []*Value{c.Cast(c.ordered(z, e.output), t)}
}

var einsums = family{"Einsum": {12, buildEinsum}}
