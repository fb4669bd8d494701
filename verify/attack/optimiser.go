package attack

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Optimiser is an optimiser with its hyperparameters.
type Optimiser struct {
	Rule string  // "sgd", with momentum 0.9, or "adam", with β 0.9 and 0.999
	Rate float64 // learning rate at the beginning
	// Decay is the weight decay, as L2 regularisation: Decay·w is added to the
	// gradient.
	Decay float64
}

// DefaultGrid returns the optimisers that are tried if Options.Grid is nil.
func DefaultGrid() []Optimiser {
	return []Optimiser{{Rule: "sgd", Rate: 0.02}, {Rule: "adam", Rate: 0.001}, {Rule: "adam", Rate: 0.003}}
}

// ParseOptimiser parses a rule with its learning rate, such as sgd:0.01.
func ParseOptimiser(s string) (Optimiser, error) {
	rule, text, _ := strings.Cut(s, ":")
	rate, err := strconv.ParseFloat(text, 64)
	if rule != "sgd" && rule != "adam" || err != nil || !(rate > 0) || math.IsInf(rate, 0) {
		return Optimiser{}, fmt.Errorf("%q is not a rule and a learning rate, as in sgd:0.01 or adam:0.001", s)
	}
	return Optimiser{Rule: rule, Rate: rate}, nil
}

// String returns the rule and the learning rate, as ParseOptimiser takes them.
func (o Optimiser) String() string {
	s := fmt.Sprintf("%s:%g", o.Rule, o.Rate)
	if o.Decay != 0 {
		s += fmt.Sprintf(", decay %g", o.Decay)
	}
	return s
}

const (
	momentum = 0.9
	beta1    = 0.9
	beta2    = 0.999
	epsilon  = 1e-8
)

// descent is the state of an optimiser: its moments by tensor.
type descent struct {
	Optimiser
	step          int
	first, second map[string][]float32
}

func newDescent(o Optimiser) *descent {
	return &descent{Optimiser: o, first: map[string][]float32{}, second: map[string][]float32{}}
}

// begin starts a step.
func (d *descent) begin() { d.step++ }

// update updates the weights of a tensor by their gradient, with a share of the learning
// rate. If only is not nil, it updates only the weights marked there.
func (d *descent) update(name string, w, g []float32, share float64, only []bool) {
	if d.first[name] == nil {
		d.first[name] = make([]float32, len(w))
		if d.Rule == "adam" {
			d.second[name] = make([]float32, len(w))
		}
	}
	m, rate, decay := d.first[name], d.Rate*share, float32(d.Decay)
	if d.Rule == "sgd" {
		for i := range w {
			if only != nil && !only[i] {
				continue
			}
			m[i] = momentum*m[i] + g[i] + decay*w[i]
			w[i] -= float32(rate) * m[i]
		}
		return
	}
	// With m̂ = m/(1-β₁ᵗ) and v̂ = v/(1-β₂ᵗ): w -= rate·m̂/(√v̂+ε).
	v := d.second[name]
	scale := 1 / (1 - math.Pow(beta1, float64(d.step)))
	root := float32(math.Sqrt(1 - math.Pow(beta2, float64(d.step))))
	rate32 := float32(rate * scale)
	for i := range w {
		if only != nil && !only[i] {
			continue
		}
		x := g[i] + decay*w[i]
		m[i] = beta1*m[i] + (1-beta1)*x
		v[i] = beta2*v[i] + (1-beta2)*x*x
		w[i] -= rate32 * m[i] / (float32(math.Sqrt(float64(v[i])))/root + epsilon)
	}
}
