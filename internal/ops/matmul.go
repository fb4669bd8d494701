package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/gemm"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// matmul: MatMul (opset 1, 9, 13) and Gemm (opset 7 and later).

// gemm returns op(x)·op(y), where op transposes if the flag is set. The leading
// axes of an operand with more than two are merged.
func (b *Builder) gemm(transX, transY bool, x, y *Value) *Value {
	return b.gemmBias(transX, transY, x, y, nil)
}

// gemmBias is gemm plus a vector that is added to every row, unless it is nil.
//
// With C = A·B the gradients are gA = gC·Bᵀ and gB = Aᵀ·gC. Transposing an operand
// exchanges the roles.
func (b *Builder) gemmBias(transX, transY bool, x, y, bias *Value) *Value {
	m, k := oriented(asMatrix(x.Shape), transX)
	k2, n := oriented(asMatrix(y.Shape), transY)
	if k != k2 {
		fail("inner dimensions of %v and %v differ", x.Shape, y.Shape)
	}
	shape := []int{m, n}
	if !transX {
		shape = append(slices.Clone(x.Shape[:x.Rank()-1]), n)
	}
	g := gemm.Product{TransA: transX, TransB: transY, M: m, N: n, K: k}
	in := []*Value{x, y}
	if bias != nil {
		in = append(in, bias)
	}
	return b.emit(nd.Float32, shape, Op{
		name:   "Gemm",
		kernel: &productKernel{product: g},
		diff: func(_, gz *Value) []*Value {
			var gx, gy *Value
			if transX {
				gx = b.gemm(transY, true, y, gz)
			} else {
				gx = b.gemm(false, !transY, gz, y)
			}
			if transY {
				gy = b.gemm(true, transX, gz, x)
			} else {
				gy = b.gemm(!transX, false, x, gz)
			}
			g := []*Value{b.Reshape(gx, x.Shape...), b.Reshape(gy, y.Shape...)}
			if bias == nil {
				return g
			}
			sums := b.SumTo(gz, bias.Shape)
			if !transY && sums.Len() < gz.Len() { // gy reads gz by rows
				if k, ok := kernelOf[*viewSumKernel](sums); ok {
					k.host = gy.op
				}
			}
			return append(g, sums)
		},
	}, in...)
}

var (
	_ Epilogued = (*productKernel)(nil)
	_ Fused     = (*productKernel)(nil)
	_ Keeper    = (*productKernel)(nil)
)

// productKernel is one matrix product, with a bias if there are three inputs.
type productKernel struct{ product gemm.Product }

// Weights is the number of the input that may hold weights: that of the right factor.
func (k *productKernel) Weights() int { return 1 }

// Form returns the bytes of rounded weights.
func (k *productKernel) Form(_, _ []int, rounded bool) int64 {
	if !rounded {
		return 0
	}
	return k.product.Form()
}

func (k *productKernel) Keep() { k.product.Kept = new(gemm.Kept) }

func (k *productKernel) Forget() { k.product.Kept.Forget() }

func (k *productKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.RunEpilogue(w, out, in, noEpilogue)
}

func (k *productKernel) RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	var bias []float32
	if len(in) > 2 {
		bias = in[2].Float32s()
	}
	g := k.product
	g.Epilogue = e.Run
	g.Run(w, in[0].Float32s(), in[1].Float32s(), bias, out.Float32s())
}

// RunFused also computes the sums of the columns of the second operand.
func (k *productKernel) RunFused(w *parallel.Workers, out nd.Array, in []nd.Array, companions []CompanionRun) {
	g := k.product
	g.ColumnSums = companions[0].Out.Float32s()
	g.Run(w, in[0].Float32s(), in[1].Float32s(), nil, out.Float32s())
}

// asMatrix returns the shape [rows, columns] of a value whose leading axes are
// merged.
func asMatrix(shape []int) []int {
	last := len(shape) - 1
	return []int{nd.Size(shape[:last]), shape[last]}
}

// gemmBatch is gemm for each element of a batch. x and y have rank 3 and equal
// first axes.
func (b *Builder) gemmBatch(transX, transY bool, x, y *Value) *Value {
	batch := x.Shape[0]
	m, k := oriented(x.Shape[1:], transX)
	k2, n := oriented(y.Shape[1:], transY)
	if k != k2 {
		fail("inner dimensions of %v and %v differ", x.Shape, y.Shape)
	}
	return b.emit(nd.Float32, []int{batch, m, n}, Op{
		name: "MatMul",
		kernel: &batchProductKernel{func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			gemm.Batch(w, transX, transY, batch, m, n, k, in[0].Float32s(), m*k, in[1].Float32s(), k*n, 0, out.Float32s(), m*n)
		}, transX, transY},
		diff: func(_, gz *Value) []*Value {
			gx := func() *Value {
				if transX {
					return b.gemmBatch(transY, true, y, gz)
				}
				return b.gemmBatch(false, !transY, gz, y)
			}
			gy := func() *Value {
				if transY {
					return b.gemmBatch(true, transX, gz, x)
				}
				return b.gemmBatch(!transX, false, x, gz)
			}
			return []*Value{gx(), gy()}
		},
	}, x, y)
}

// batchProductKernel is a batch of matrix products.
type batchProductKernel struct {
	runFunc
	transA, transB bool
}

func oriented(shape []int, trans bool) (rows, cols int) {
	if trans {
		return shape[1], shape[0]
	}
	return shape[0], shape[1]
}

// MatMul is numpy's matmul. The last two axes hold matrices, and the others are
// broadcast. A vector is a row on the left and a column on the right.
func (b *Builder) MatMul(x, y *Value) *Value {
	if x.DType != nd.Float32 || y.DType != nd.Float32 {
		fail("operands of type %v and %v", x.DType, y.DType)
	}
	if x.Rank() == 0 || y.Rank() == 0 {
		fail("operands of shapes %v and %v: a scalar has no matrix product", x.Shape, y.Shape)
	}
	if x.Rank() == 1 {
		z := b.MatMul(b.Reshape(x, 1, x.Shape[0]), y)
		return b.Reshape(z, slices.Delete(slices.Clone(z.Shape), max(z.Rank()-2, 0), max(z.Rank()-1, 1))...)
	}
	if y.Rank() == 1 {
		z := b.MatMul(x, b.Reshape(y, y.Shape[0], 1))
		return b.Reshape(z, z.Shape[:z.Rank()-1]...)
	}
	rx, ry := x.Rank(), y.Rank()
	m, n := x.Shape[rx-2], y.Shape[ry-1]
	if ry == 2 { // the usual linear layer: one large product
		if w := transposed(y); w != nil && w.op == nil {
			return b.gemm(false, true, x, w) // such as an embedding that is the last layer too
		}
		return b.gemm(false, false, x, y)
	}
	if z := b.attentionOf(x, y); z != nil {
		return z
	}
	batch := broadcastShape("MatMul", x.Shape[:rx-2], y.Shape[:ry-2])
	size := nd.Size(batch)
	x = b.Reshape(b.Expand(x, append(slices.Clone(batch), x.Shape[rx-2:]...)), size, m, x.Shape[rx-1])
	y = b.Reshape(b.Expand(y, append(slices.Clone(batch), y.Shape[ry-2:]...)), size, y.Shape[ry-2], n)
	return b.Reshape(b.gemmBatch(false, false, x, y), append(batch, m, n)...)
}

func behindAliases(v *Value) *Value {
	for v.op != nil && v.op.Alias() {
		v = v.in[0]
	}
	return v
}

var matmul = family{
	"MatMul": {1, func(c *Call) []*Value { return []*Value{c.MatMul(c.Input(0), c.Input(1))} }},
	"Gemm":   {7, buildGemm},
}

func buildGemm(c *Call) []*Value {
	x, y := c.Float(0), c.Float(1)
	if x.Rank() != 2 || y.Rank() != 2 {
		c.fail("operands of shapes %v and %v are not matrices", x.Shape, y.Shape)
	}
	z := c.gemm(c.Bool("transA", false), c.Bool("transB", false), x, y)
	if alpha := c.Float32("alpha", 1); alpha != 1 {
		z = c.Scale(z, alpha)
	}
	if bias := c.Optional(2); bias != nil {
		if beta := c.Float32("beta", 1); beta != 1 {
			bias = c.Scale(bias, beta)
		}
		shape := z.Shape
		if z = c.Add(z, bias); !slices.Equal(z.Shape, shape) {
			c.fail("input 2 of shape %v cannot be repeated to %v", bias.Shape, shape)
		}
	}
	return []*Value{z}
}
