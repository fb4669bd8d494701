package ops

// Linear is a layer y = x·W + b, or x·Wᵀ + b if Transposed, whose W and b are
// leaves.
type Linear struct {
	X, Weight, Bias *Value // Bias is nil where there is none
	Transposed      bool   // W is [out, in], not [in, out]
}

// LastLinear returns the linear layer that computes v, with one row or several for each
// sample; ok is false if none does.
func LastLinear(v *Value) (l Linear, ok bool) {
	v = behindAliases(v)
	if v.op != nil && v.op.name == "Add" {
		for i, bias := range v.in {
			if bias = behindAliases(bias); bias.op == nil {
				l.Bias = bias
				v = behindAliases(v.in[1-i])
				break
			}
		}
	}
	k, ok := kernelOf[*productKernel](v)
	if !ok {
		return l, false
	}
	if len(v.in) == 3 && l.Bias == nil {
		if l.Bias = behindAliases(v.in[2]); l.Bias.op != nil {
			return l, false
		}
	}
	l.X, l.Weight, l.Transposed = v.in[0], v.in[1], k.product.TransB
	return l, l.Weight.op == nil && len(l.X.Shape) >= 2 && !k.product.TransA
}
