//go:build (amd64 || arm64) && !noasm

package micro

// stripKernel is an assembly function that computes n panels of a strip, for a fixed number
// of rows and of vectors. The panels are panel elements apart in b.
type stripKernel func(n, k int, a *float32, lda int, b *float32, ldb, panel int, c *float32, ldc, last, begin int, bias *float32)

// stripSet holds the microkernels of an instruction set by height, number of vectors minus
// one, and whether A lies by rows.
type stripSet struct {
	lanes   int
	heights []int // in descending order; the last is 1
	kernels [][][2]stripKernel
}

func (f *stripSet) run(s *Strip) {
	for i := 0; i < s.Rows; {
		h := 0
		for f.heights[h] > s.Rows-i {
			h++
		}
		f.panels(s, h, i)
		i += f.heights[h]
	}
}

// panels computes the rows from i on with the microkernels of height h.
func (f *stripSet) panels(s *Strip, h, i int) {
	vecs := len(f.kernels[h])
	f.call(s, h, i, 0, s.wide, vecs, s.narrow == 0)
	f.call(s, h, i, s.wide*vecs, s.narrow, s.width, true)
}

// call computes n panels of width vectors each. The first begins with vector from.
func (f *stripSet) call(s *Strip, h, i, from, n, width int, toEnd bool) {
	if n == 0 {
		return
	}
	last, j := f.lanes, from*f.lanes
	if toEnd {
		last = s.Cols - (from+n*width-1)*f.lanes
	}
	byRows, a := 0, s.A[i:]
	if s.ByRows {
		byRows, a = 1, s.A[i*s.Lda:]
	}
	b, ldb, panel := s.B[j:], s.Ldb, width*f.lanes
	if ldb == 0 {
		b, ldb, panel = s.B[j*s.K:], panel, s.K*panel
	}
	var bias *float32
	switch s.Init {
	case InitRowBias:
		bias = &s.Bias[i]
	case InitColumnBias:
		bias = &s.Bias[j]
	}
	f.kernels[h][width-1][byRows](n, s.K, &a[0], s.Lda, &b[0], ldb, panel, &s.C[i*s.Ldc+j], s.Ldc, last, int(s.Init), bias)
}
