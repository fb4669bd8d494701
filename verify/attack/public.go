package attack

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
)

// Many models were tuned from a public one, and tuning moves weights little. Whoever has
// the public model sees what a lock changed: ArrowMatch (Wang et al., USENIX Security 2025)
// recovers models behind permutations, scalings and masks by matching the directions of
// columns with those of the public model. An attacker who aligns the two takes from the
// public model whatever deviates, and fine-tunes the rest.
//
// Where nothing is left to align, as in a sealed file, this ends with the public model
// tuned on the attacker's samples. That needs no locked weights, and belongs to the zero
// line.

// pair is a weight of the locked model with that of the public one.
type pair struct {
	name   string
	public []float32
}

// align pairs tensors of equal name and shape. Of the others it pairs those of equal shape
// in the order of the files, where both files have the same number of them.
func (l *lab) align(public *gradient.Weights) []pair {
	theirs := map[string][]string{} // by shape, without those that have been paired
	ours := map[string][]string{}
	partner := map[string]string{}
	shape := func(w *gradient.Weights, name string) string {
		a, _ := w.Array(name)
		return fmt.Sprint(a.Shape)
	}
	for _, name := range l.drawable() {
		if _, ok := public.Array(name); ok && shape(public, name) == shape(l.weights, name) {
			partner[name] = name
			continue
		}
		ours[shape(l.weights, name)] = append(ours[shape(l.weights, name)], name)
	}
	for _, name := range public.Names() {
		if partner[name] == "" {
			theirs[shape(public, name)] = append(theirs[shape(public, name)], name)
		}
	}
	for s, names := range ours {
		if len(theirs[s]) == len(names) {
			for i, name := range names {
				partner[name] = theirs[s][i]
			}
		}
	}
	var list []pair
	for _, name := range l.drawable() {
		if from := partner[name]; from != "" {
			a, _ := public.Array(from)
			list = append(list, pair{name, a.Float32s()})
		}
	}
	return list
}

// fromPublic is the attack with the public model.
func fromPublic(l *lab) []variant {
	if l.opt.Public == nil {
		return nil
	}
	var list []variant
	for _, way := range []struct {
		name  string
		alter func(l *lab, p pair) int
	}{
		{"what deviates by 8 median deviations is replaced", func(l *lab, p pair) int {
			return replaceFar(l.values(p.name), p.public, 8*medianDistance(l.values(p.name), p.public))
		}},
		{"what deviates by half a standard deviation is replaced", func(l *lab, p pair) int { return replaceFar(l.values(p.name), p.public, 0.5*deviation(p.public)) }},
		{"signs are copied", func(l *lab, p pair) int { return copySigns(l.values(p.name), p.public) }},
		{"units are matched, the rest is replaced", func(l *lab, p pair) int { return l.match(p) }},
	} {
		v := variant{name: way.name, change: func(_ context.Context, l *lab) (string, error) {
			count := 0
			for _, p := range l.public {
				count += way.alter(l, p)
			}
			return fmt.Sprintf("%d weights", count), nil
		}}
		list = append(list, v)
		v.tune = everything
		list = append(list, v)
	}
	return list
}

// tunedPublic are the settings that train the public model. Weights that it does not have
// hold nothing.
func (l *lab) tunedPublic() []variant {
	if l.opt.Public == nil {
		return nil
	}
	copied := func(_ context.Context, l *lab) (string, error) {
		if err := l.redrawElements(); err != nil {
			return "", err
		}
		for _, p := range l.public {
			copy(l.values(p.name), p.public)
		}
		return fmt.Sprintf("%d tensors", len(l.public)), nil
	}
	list := []variant{{name: "the public model", tune: everything, change: copied}}
	if len(l.foldable()) > 0 {
		list = append(list, l.withNorms("the public model, batch normalisations put in", copied))
	}
	return list
}

// replaceFar takes from the public model the elements that differ by more than limit.
func replaceFar(x, public []float32, limit float64) (count int) {
	for i, v := range x {
		if !(math.Abs(float64(v)-float64(public[i])) <= limit) {
			x[i] = public[i]
			count++
		}
	}
	return count
}

func medianDistance(x, public []float32) float64 {
	d := make([]float32, len(x))
	for i, v := range x {
		d[i] = magnitude(v - public[i])
	}
	return float64(quantile(d, 0.5))
}

func deviation(x []float32) float64 {
	_, d := spread(x)
	return d
}

func copySigns(x, public []float32) (count int) {
	for i, v := range x {
		if v*public[i] < 0 {
			x[i] = -v
			count++
		}
	}
	return count
}

// related is the least cosine between a unit and that of the public model which it was
// tuned from, among n units of d elements. Directions that have nothing to do with each
// other have cosines of deviation 1/√d, and the largest of many is larger.
func related(n, d int) float64 {
	return min(max(0.5, math.Sqrt(2*math.Log(100*float64(n))/float64(max(d, 1)))), 0.95)
}

// matchWork bounds the multiplications of matching the units of a layer.
const matchWork = 1 << 34

// match brings the units of a layer, or else their inputs, into the order, signs and scales
// of the public model: each is matched with the one of nearest direction. What has no match
// comes from the public model. Tensors without units are taken from the public model if
// they are not related to it.
func (l *lab) match(p pair) int {
	x := l.values(p.name)
	y := l.anatomy.layerOf(p.name)
	if y == nil || y.units == 0 || len(x) != y.units*y.fanIn || float64(len(x))*float64(y.units) > matchWork {
		all := make([]int, len(x))
		for i := range all {
			all[i] = i
		}
		return matchVectors([][]int{all}, x, p.public)
	}
	units := make([][]int, y.units)
	for i := range x {
		units[y.unitOf(i)] = append(units[y.unitOf(i)], i)
	}
	var inputs [][]int
	if a, _ := l.weights.Array(p.name); len(a.Shape) > 1 {
		inputs = make([][]int, a.Shape[1]) // [units, inputs, kernel]
		inner := len(x) / a.Shape[0] / a.Shape[1]
		in := func(i int) int { return i / inner % a.Shape[1] }
		if y.stride == 1 { // [inputs, units]
			inputs = make([][]int, a.Shape[0])
			in = func(i int) int { return i / y.units }
		}
		for i := range x {
			inputs[in(i)] = append(inputs[in(i)], i)
		}
	}
	other := slices.Clone(x)
	byInput, count := matchVectors(inputs, other, p.public), matchVectors(units, x, p.public)
	if inputs != nil && byInput < count {
		copy(x, other)
		count = byInput
	}
	return count + replaceFar(x, p.public, 8*medianDistance(x, p.public))
}

// matchVectors replaces each vector of the public model by the one of x that is most like
// it, with the public one's sign and norm. Where none is related, the public vector stands.
// vectors has the elements of each. It returns the number of elements of the latter.
func matchVectors(vectors [][]int, x, public []float32) (replaced int) {
	old := slices.Clone(x)
	norms := make([]float64, len(vectors))
	for k, v := range vectors {
		norms[k] = math.Sqrt(dot(old, v, old, v))
	}
	taken := make([]bool, len(vectors))
	own, any := related(1, len(x)/max(len(vectors), 1)), related(len(vectors)*len(vectors), len(x)/max(len(vectors), 1))
	for k, v := range vectors {
		size := math.Sqrt(dot(public, v, public, v))
		cosine := func(j int) float64 {
			if norms[j] == 0 || size == 0 {
				return 0
			}
			return dot(old, vectors[j], public, v) / (norms[j] * size)
		}
		best, c, least := k, cosine(k), own
		if !(math.Abs(c) >= own) || taken[k] {
			least = any
			for j := range vectors {
				if d := cosine(j); !taken[j] && math.Abs(d) > math.Abs(c) {
					best, c = j, d
				}
			}
		}
		if !(math.Abs(c) >= least) || taken[best] {
			for _, i := range v {
				x[i] = public[i]
			}
			replaced += len(v)
			continue
		}
		taken[best] = true
		factor := 1.0
		if best != k || c < 0 || norms[best] > 2*size || norms[best] < size/2 {
			factor = math.Copysign(size/norms[best], c)
		}
		for n, i := range v {
			x[i] = float32(factor * float64(old[vectors[best][n]]))
		}
	}
	return replaced
}

// dot returns the inner product of two vectors, given by the places of their elements.
func dot(x []float32, at []int, y []float32, of []int) (sum float64) {
	for n, i := range at {
		sum += float64(x[i]) * float64(y[of[n]])
	}
	return sum
}
