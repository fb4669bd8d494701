package recurrent

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// lstmStep computes one step from the products in the gates:
//
//	i = F(x + h·Rᵀ + p·c)   f likewise, or 1 - i   g = G(x + h·Rᵀ)
//	c' = f·c + i·g          o = F(x + h·Rᵀ + p·c')  h' = o·H(c')
func (n *Recurrence) lstmStep(w *parallel.Workers, in *Inputs, tp *tape, t, prev int) {
	gates, aux := n.at(tp.gates, t, 4), n.at(tp.aux, t, 1)
	hs, cs := n.at(tp.h, t, 1), n.at(tp.c, t, 1)
	h0, c0 := n.before(tp.h, in.H0, prev), n.before(tp.c, in.C0, prev)
	n.rows(w, in, t, func(b int, live bool) {
		h, c, old := n.unit(hs, b, 1, 0), n.unit(cs, b, 1, 0), n.unit(c0, b, 1, 0)
		if !live {
			copy(h, n.unit(h0, b, 1, 0))
			copy(c, old)
			return
		}
		i, o, f, g := n.unit(gates, b, 4, 0), n.unit(gates, b, 4, 1), n.unit(gates, b, 4, 2), n.unit(gates, b, 4, 3)
		if in.Peep != nil {
			addProduct(i, rowOf(in.Peep, 0, n.Hidden), old)
			addProduct(f, rowOf(in.Peep, 2, n.Hidden), old)
		}
		n.F.Apply(i)
		if n.Coupled {
			for k, v := range i {
				f[k] = 1 - v
			}
		} else {
			n.F.Apply(f)
		}
		n.G.Apply(g)
		simd.Mul(c, f, old)
		simd.Mul(h, i, g)
		simd.Add(c, c, h)
		if in.Peep != nil {
			addProduct(o, rowOf(in.Peep, 1, n.Hidden), c)
		}
		n.F.Apply(o)
		hc := n.unit(aux, b, 1, 0)
		copy(hc, c)
		n.H.Apply(hc)
		simd.Mul(h, o, hc)
	})
}

// lstmBack computes gg, the gradients of the gates of a step, from gh and gc, those of its
// states. It changes gh and gc to the part of the gradients that reaches the previous step
// without the product with R.
func (n *Recurrence) lstmBack(w *parallel.Workers, in *Inputs, tp *tape, t, prev int, gg, gh, gc []float32) {
	gates, aux := n.at(tp.gates, t, 4), n.at(tp.aux, t, 1)
	c0 := n.before(tp.c, in.C0, prev)
	n.rows(w, in, t, func(b int, live bool) {
		if !live {
			clear(gg[4*b*n.Hidden : 4*(b+1)*n.Hidden])
			return
		}
		i, o, f, g := n.unit(gates, b, 4, 0), n.unit(gates, b, 4, 1), n.unit(gates, b, 4, 2), n.unit(gates, b, 4, 3)
		dI, dO, dF, dG := n.unit(gg, b, 4, 0), n.unit(gg, b, 4, 1), n.unit(gg, b, 4, 2), n.unit(gg, b, 4, 3)
		dh, dc, hc, old := n.unit(gh, b, 1, 0), n.unit(gc, b, 1, 0), n.unit(aux, b, 1, 0), n.unit(c0, b, 1, 0)
		simd.Mul(dO, dh, hc)
		simd.Mul(dh, dh, o)
		n.F.Slope(dO, o, dO)
		n.H.Slope(dh, hc, dh)
		simd.Add(dc, dc, dh)
		if in.Peep != nil {
			addProduct(dc, rowOf(in.Peep, 1, n.Hidden), dO)
		}
		simd.Mul(dI, dc, g)
		simd.Mul(dF, dc, old)
		simd.Mul(dG, dc, i)
		if n.Coupled {
			simd.Sub(dI, dI, dF)
			clear(dF)
		} else {
			n.F.Slope(dF, f, dF)
		}
		n.F.Slope(dI, i, dI)
		n.G.Slope(dG, g, dG)
		simd.Mul(dc, dc, f)
		if in.Peep != nil {
			addProduct(dc, rowOf(in.Peep, 0, n.Hidden), dI)
			addProduct(dc, rowOf(in.Peep, 2, n.Hidden), dF)
		}
		clear(dh)
	})
}

// addProduct adds x·y to z.
func addProduct(z, x, y []float32) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] += x[i] * y[i]
	}
}
