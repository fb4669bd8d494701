package attention

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// naiveHeads computes attention and, from the gradient by the output, the other
// gradients, in float64. All matrices lie as a says.
func naiveHeads(a *Heads, q, k, v, bias, gout []float32, size int) (out, gq, gk, gv []float64) {
	out, gq, gk, gv = make([]float64, size), make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(v))
	for h := range a.count() {
		aq, ak, av, ao := a.Q.at(a.Batch, h), a.K.at(a.Batch, h), a.V.at(a.Batch, h), a.Out.at(a.Batch, h)
		for i := range a.Queries {
			p, sum, top := make([]float64, a.Keys), 0.0, math.Inf(-1)
			for j := range a.Keys {
				for d := range a.Size {
					p[j] += float64(q[aq+i*a.Q.Row+d]) * float64(k[ak+j*a.K.Row+d])
				}
				p[j] *= float64(a.Scale)
				if bias != nil {
					p[j] += float64(bias[a.Bias.at(a.Batch, h)+i*a.Bias.Row+j*a.Bias.Column])
				}
				top = max(top, p[j])
			}
			for j := range p {
				if p[j] = math.Exp(p[j] - top); math.IsInf(top, -1) {
					p[j] = 0
				}
				sum += p[j]
			}
			gp, mean := make([]float64, a.Keys), 0.0
			for j := range p {
				if sum > 0 {
					p[j] /= sum
				}
				for d := range a.Values {
					out[ao+i*a.Out.Row+d] += p[j] * float64(v[av+j*a.V.Row+d])
					gv[av+j*a.V.Row+d] += p[j] * float64(gout[ao+i*a.Out.Row+d])
					gp[j] += float64(gout[ao+i*a.Out.Row+d]) * float64(v[av+j*a.V.Row+d])
				}
				mean += gp[j] * p[j]
			}
			for j := range p {
				g := float64(a.Scale) * p[j] * (gp[j] - mean)
				for d := range a.Size {
					gq[aq+i*a.Q.Row+d] += g * float64(k[ak+j*a.K.Row+d])
					gk[ak+j*a.K.Row+d] += g * float64(q[aq+i*a.Q.Row+d])
				}
			}
		}
	}
	return out, gq, gk, gv
}

func TestHeads(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	l2 := simd.CacheL2
	defer func() { simd.CacheL2 = l2 }()
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, simd.CacheL2 = range []int{l2, 4 << 10} { // all queries at once, a few at a time
			for i, s := range []struct{ batch, heads, queries, keys, size, values int }{{2, 3, 5, 7, 4, 6}, {1, 2, 33, 33, 16, 16}, {3, 1, 1, 9, 3, 5}, {2, 2, 70, 50, 24, 17}} {
				a := &Heads{Batch: []int{s.batch, s.heads}, Queries: s.queries, Keys: s.keys, Size: s.size, Values: s.values, Scale: 0.3, ZeroRows: true}
				layout := func(rows, width int) (HeadLayout, []float32) { // [batch, rows, heads, width]
					return HeadLayout{Batch: []int{rows * s.heads * width, width}, Row: s.heads * width}, kerneltest.Randoms(rng, s.batch*rows*s.heads*width)
				}
				var q, k, v, gout, bias []float32
				a.Q, q = layout(s.queries, s.size)
				a.K, k = layout(s.keys, s.size)
				a.V, v = layout(s.keys, s.values)
				a.Out, gout = layout(s.queries, s.values)
				switch i % 3 {
				case 1: // for each sample
					a.Bias, bias = HeadLayout{Batch: []int{s.keys, 0}, Column: 1}, kerneltest.Randoms(rng, s.batch*s.keys)
					bias[1] = float32(math.Inf(-1))
				case 2: // for each query, which may see all or nothing
					a.Bias, bias = HeadLayout{Batch: []int{0, 0}, Row: 1}, kerneltest.Randoms(rng, s.queries)
					bias[0] = float32(math.Inf(-1))
				}
				out, gq, gk, gv := make([]float32, len(gout)), make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(v))
				a.Forward(w, q, k, v, bias, out)
				a.Gradient(w, q, k, v, bias, gout, gq, gk, gv)
				wo, wq, wk, wv := naiveHeads(a, q, k, v, bias, gout, len(out))
				for name, c := range map[string]struct {
					got  []float32
					want []float64
				}{"output": {out, wo}, "gradient by q": {gq, wq}, "gradient by k": {gk, wk}, "gradient by v": {gv, wv}} {
					if err := kerneltest.Compare(c.got, c.want, 2e-5); err != nil {
						t.Errorf("case %d, %s: %v", i, name, err)
					}
				}
			}
		}
	})
}
