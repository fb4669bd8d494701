package recurrent

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
)

// gruStep computes one step from the products of z and r in the gates, with
// n = G(x + (r·h)·Rᵀ) or, with LinearBeforeReset, n = G(x + r·(h·Rᵀ + rb)):
//
//	z = F(x + h·Rᵀ)   r likewise   h' = (1-z)·n + z·h
func (n *Recurrence) gruStep(w *parallel.Workers, in *Inputs, tp *tape, r factor, t, prev int) {
	H := n.Hidden
	gates, aux := n.at(tp.gates, t, 3), n.at(tp.aux, t, 1)
	hs, h0 := n.at(tp.h, t, 1), n.before(tp.h, in.H0, prev)
	if n.LinearBeforeReset {
		for b := range n.Batch {
			copy(n.unit(aux, b, 1, 0), in.RB)
		}
		n.multiply(w, aux, 1, h0, r, 2, 1)
	}
	n.rows(w, in, t, func(b int, _ bool) {
		n.F.Apply(gates[3*b*H : (3*b+2)*H])
		reset, a := n.unit(gates, b, 3, 1), n.unit(aux, b, 1, 0)
		if n.LinearBeforeReset {
			addProduct(n.unit(gates, b, 3, 2), reset, a)
			return
		}
		for k, v := range n.unit(h0, b, 1, 0) {
			a[k] = reset[k] * v
		}
	})
	if !n.LinearBeforeReset {
		n.multiply(w, gates[2*H:], 3, aux, r, 2, 1)
	}
	n.rows(w, in, t, func(b int, live bool) {
		h, old := n.unit(hs, b, 1, 0), n.unit(h0, b, 1, 0)
		if !live {
			copy(h, old)
			return
		}
		z, new := n.unit(gates, b, 3, 0), n.unit(gates, b, 3, 2)
		n.G.Apply(new)
		for k, v := range z {
			h[k] = (1-v)*new[k] + v*old[k]
		}
	})
}

// gruBack computes the gradients of the gates of a step from p.gh, that of its state. It
// changes p.gh to the part of the gradient that reaches the previous step without the
// product with the weights of z and r.
func (n *Recurrence) gruBack(w *parallel.Workers, in *Inputs, tp *tape, p *back, t, prev int) {
	H := n.Hidden
	gates, aux, gg, rn := n.at(tp.gates, t, 3), n.at(tp.aux, t, 1), n.at(p.gx, t, 3), in.R[2*H*H:]
	h0 := n.before(tp.h, in.H0, prev)
	var gq []float32
	if n.LinearBeforeReset {
		gq = n.at(p.gq, t, 1)
	}
	n.rows(w, in, t, func(b int, live bool) {
		gz, gr, gn := n.unit(gg, b, 3, 0), n.unit(gg, b, 3, 1), n.unit(gg, b, 3, 2)
		if !live {
			clear(gg[3*b*H : 3*(b+1)*H])
			if gq != nil {
				clear(n.unit(gq, b, 1, 0))
			}
			return
		}
		z, r, new := n.unit(gates, b, 3, 0), n.unit(gates, b, 3, 1), n.unit(gates, b, 3, 2)
		dh, old := n.unit(p.gh, b, 1, 0), n.unit(h0, b, 1, 0)
		for k, d := range dh {
			gz[k], gn[k], dh[k] = d*(old[k]-new[k]), d*(1-z[k]), d*z[k]
		}
		n.F.Slope(gz, z, gz)
		n.G.Slope(gn, new, gn)
		if gq != nil {
			q, d := n.unit(aux, b, 1, 0), n.unit(gq, b, 1, 0)
			for k, v := range gn {
				gr[k], d[k] = v*q[k], v*r[k]
			}
			n.F.Slope(gr, r, gr)
		}
	})
	if gq != nil {
		n.multiplyBack(w, gq, 1, p.gh, rn, 1)
		return
	}
	buf := scratch.Floats(n.Batch * H) // gradient by r·h
	defer scratch.Free(buf)
	clear(*buf)
	n.multiplyBack(w, gg[2*H:], 3, *buf, rn, 1)
	n.rows(w, in, t, func(b int, live bool) {
		if !live {
			return
		}
		r, gr, d := n.unit(gates, b, 3, 1), n.unit(gg, b, 3, 1), n.unit(*buf, b, 1, 0)
		for k, v := range n.unit(h0, b, 1, 0) {
			gr[k] = d[k] * v
		}
		n.F.Slope(gr, r, gr)
		addProduct(n.unit(p.gh, b, 1, 0), d, r)
	})
}
