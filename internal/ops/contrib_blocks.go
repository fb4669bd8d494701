package ops

import (
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// contrib_blocks: MatMulNBits and GatherBlockQuantized, whose weights have few bits and a
// scale for each block of them.

// buildMatMulNBits: A·Wᵀ + bias, where W [N, K] is made of blocks along K. Each block has a
// scale and a zero point, and numbers of 2, 4 or 8 bits, the first one in the low bits of a
// byte.
func buildMatMulNBits(c *Call) []*Value {
	if c.Optional(4) != nil {
		unsupported("g_idx")
	}
	c.refuse("weight_prepacked")
	x := c.Float(0)
	n, k, size, bits := c.Int("N", 0), c.Int("K", 0), c.Int("block_size", 0), c.Int("bits", 4)
	if n < 1 || k < 1 || size < 16 || size > 1<<20 || size&(size-1) != 0 || bits != 2 && bits != 4 && bits != 8 {
		c.fail("a matrix of %d rows and %d columns of %d bits in blocks of %d", n, k, bits, size)
	}
	if x.Rank() < 2 || x.Shape[x.Rank()-1] != k {
		c.fail("input of shape %v for rows of %d", x.Shape, k)
	}
	blocks := (k-1)/size + 1
	q := c.unpack(1, bits, n*blocks, size)
	scales := c.Float(2)
	if scales.Len() != n*blocks {
		c.fail("scales of shape %v for %d rows of %d blocks", scales.Shape, n, blocks)
	}
	zero := c.Scalar(float32(int(1) << (bits - 1)))
	if z := c.Optional(3); z != nil {
		if z.DType == nd.Float32 && z.Elem != onnxpb.TensorProto_UINT8 {
			if z.Len() != n*blocks {
				c.fail("zero points of shape %v for %d rows of %d blocks", z.Shape, n, blocks)
			}
			zero = c.Reshape(z, n*blocks, 1)
		} else {
			zero = c.Reshape(c.Slice(c.unpack(3, bits, n, -1), 1, 0, blocks, 1), n*blocks, 1)
		}
	}
	w := c.Mul(c.Sub(q, zero), c.Reshape(scales, n*blocks, 1))
	w = c.Slice(c.Reshape(w, n, blocks*size), 1, 0, k, 1)
	if c.Int("accuracy_level", 0) == 4 {
		x = c.roundBlocks(x, size)
	}
	return []*Value{c.plusBias(c.gemm(false, true, x, w), 5)}
}

// unpack returns the bytes in input i as numbers of some bits, [rows, columns]. With
// columns of -1, a row has what its bytes hold.
//
// The gradient by a byte is that of the number in its high bits, which follows the byte
// in steps. The others run through their range again and again while the byte grows, and
// have no slope on average.
func (c *Call) unpack(i, bits, rows, columns int) *Value {
	p := c.Input(i)
	each := 8 / bits
	if columns < 0 && rows > 0 && p.Len()%rows == 0 {
		columns = p.Len() / rows * each
	}
	if p.DType == nd.Bool || columns < 0 || p.Len()*each != rows*columns {
		c.fail("input %d is %v%v; bytes for %d rows of %d numbers of %d bits are expected", i, p.DType, p.Shape, rows, columns, bits)
	}
	return c.emit(nd.Float32, []int{rows, columns}, Op{
		name: "Unpack",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Float32s()
			put := func(k, v int) {
				for j := range each {
					y[k*each+j] = float32(v >> (j * bits) & (1<<bits - 1))
				}
			}
			switch d := in[0].Data.(type) {
			case []int64:
				for k, v := range d {
					put(k, int(v))
				}
			case []float32:
				for k, v := range d {
					put(k, int(v))
				}
			}
		}),
		diff: func(_, gy *Value) []*Value {
			high := c.Slice(c.Reshape(gy, p.Len(), each), 1, each-1, 1, 1)
			return []*Value{c.Reshape(c.Scale(high, 1/float32(int(1)<<(8-bits))), p.Shape...)}
		},
	}, p)
}

// roundBlocks returns x with every block of a row rounded to multiples of its largest
// magnitude divided by 127. The gradient passes unchanged.
func (b *Builder) roundBlocks(x *Value, size int) *Value {
	n := x.Shape[x.Rank()-1]
	return b.emit(nd.Float32, x.Shape, Op{
		name: "RoundBlocks",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			x, y := in[0].Float32s(), out.Float32s()
			for lo := 0; lo < len(x); {
				hi := min(lo+size, (lo/n+1)*n)
				top := float32(0)
				for _, v := range x[lo:hi] {
					top = max(top, float32(math.Abs(float64(v))))
				}
				for k := lo; k < hi; k++ {
					if y[k] = 0; top > 0 {
						y[k] = float32(math.RoundToEven(float64(x[k]*(127/top)))) * (top / 127)
					}
				}
				lo = hi
			}
		}),
		diff: func(_, gy *Value) []*Value { return []*Value{gy} },
	}, x)
}

// buildGatherBlockQuantized gathers rows of a quantised table. Blocks lie along
// quantize_axis.
func buildGatherBlockQuantized(c *Call) []*Value {
	data, index, scales := c.Input(0), c.Input(1), c.Float(2)
	rank := data.Rank()
	if rank < 2 || scales.Rank() != rank {
		c.fail("a table of shape %v with scales of %v", data.Shape, scales.Shape)
	}
	along, from := c.Axis(c.Int("quantize_axis", 1), rank), c.Axis(c.Int("gather_axis", 0), rank)
	size, bits := c.Int("block_size", 128), 8
	zero := float32(0)
	parts := []*Value{data, scales, c.Optional(3)}
	if data.Elem == onnxpb.TensorProto_UINT8 {
		if bits = c.Int("bits", 4); bits != 2 && bits != 4 && bits != 8 {
			c.fail("numbers of %d bits", bits)
		}
		zero = float32(int(1) << (bits - 1))
		for _, i := range []int{0, 3} {
			if p := c.Optional(i); p != nil {
				shape := slices.Clone(p.Shape)
				shape[len(shape)-1] *= 8 / bits
				rows := p.Len() / max(1, p.Shape[rank-1])
				parts[i/3*2] = c.Reshape(c.unpack(i, bits, max(rows, 1), -1), shape...)
			}
		}
	}
	if along == from || size < 1 {
		unsupported("blocks of %d along axis %d, gathered along axis %d", size, along, from)
	}
	table := parts[0].Shape
	for i, p := range parts {
		if p != nil {
			if p.Rank() != rank || p.Shape[from] != table[from] {
				c.fail("scales or zero points of shape %v for a table of %v", p.Shape, table)
			}
			parts[i] = c.Cast(c.Gather(p, index, from), nd.Float32)
		}
	}
	if along > from {
		along += index.Rank() - 1
	}
	n := parts[0].Shape[along]
	blocks := (n + size - 1) / size
	wide := func(p *Value) *Value {
		shape := slices.Clone(p.Shape)
		if shape[along] = blocks; p.Shape[along] < blocks {
			c.fail("scales or zero points of shape %v for blocks of %d", p.Shape, size)
		}
		p = c.Slice(p, along, 0, blocks, 1)
		repeated := slices.Insert(slices.Clone(shape), along+1, size)
		p = c.Expand(c.unsqueeze(p, []int{along + 1}), repeated)
		shape[along] *= size
		return c.Slice(c.Reshape(p, shape...), along, 0, n, 1)
	}
	if parts[2] != nil {
		return []*Value{c.Mul(c.Sub(parts[0], wide(parts[2])), wide(parts[1]))}
	}
	return []*Value{c.Mul(c.Sub(parts[0], c.Scalar(zero)), wide(parts[1]))}
}

var blockQuantization = family{
	"MatMulNBits":          {1, buildMatMulNBits},
	"GatherBlockQuantized": {1, buildGatherBlockQuantized},
}
