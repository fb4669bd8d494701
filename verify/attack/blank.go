package attack

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/seal"
)

// Starts that hold nothing of the original. Training from them is the zero line: what an
// attacker reaches without the locked weights. What makes attacks strong, such as inserted
// batch normalisations and the choice among many settings, makes it strong as well.
//
// Every attack that trains is repeated from such a start, setting by setting, with the same
// optimisers and epochs. The start is made of the locked file: the exponents that it shows,
// in random places, with random signs and mantissas. For a sealed file that is another
// sealing with the same leakage (docs/sealing.md), so that attack and control are draws of
// the same distribution. Training from scratch adds other starts.

// redrawElements gives the weights of every block the same exponents in random places, with
// random mantissas, and random signs unless all signs of the tensor are equal. Quantised
// weights get others in their codes.
func (l *lab) redrawElements() error {
	for _, name := range l.drawable() {
		if !l.made(name) {
			l.redrawFloats(l.values(name))
		}
	}
	if l.folded == nil {
		return nil
	}
	return l.redrawCodes()
}

func (l *lab) redrawFloats(x []float32) {
	const exponent, sign = 0xff << 23, 1 << 31
	mask := uint32(sign | 1<<23 - 1)
	if sameSigns(x) {
		mask &^= sign
	}
	for block := range slices.Chunk(x, seal.BlockLen) {
		l.rng.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
		for i, v := range block {
			bits := math.Float32bits(v)
			if e := bits & exponent; e != 0 && e != exponent {
				block[i] = math.Float32frombits(bits&^mask | l.rng.Uint32()&mask)
			}
		}
	}
}

// sameSigns reports whether all elements but zeros have the same sign.
func sameSigns(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v < 0 }) || !slices.ContainsFunc(x, func(v float32) bool { return v > 0 })
}

// drawScales draws weights from normal distributions with the root mean square of their
// tensors. Normalisations get a scale of that size, and are neutral otherwise.
func (l *lab) drawScales() error {
	for _, name := range l.drawable() {
		x := l.values(name)
		sum := 0.0
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		size := math.Sqrt(sum / float64(len(x)))
		switch l.anatomy.role(name) {
		case bias, mean:
			clear(x)
		case variance:
			fill(x, 1)
		case gain:
			fill(x, float32(size))
		default:
			l.normal(x, size)
		}
	}
	return nil
}

// drawable returns the weights that training made: those that an attacker alters, and
// statistics of normalisations.
func (l *lab) drawable() []string {
	var names []string
	for _, name := range l.weights.Names() {
		if r := l.anatomy.role(name); l.alterable(name) || r == mean || r == variance {
			names = append(names, name)
		}
	}
	return names
}

// redraw is the attack on a file whose weights are all encrypted: nothing is left but the
// exponents that it shows.
func redraw(l *lab) []variant {
	return append(l.starts("exponents in random places", (*lab).redrawElements, true),
		l.starts("normal draws with the scale of every tensor", (*lab).drawScales, false)...)
}

// starts returns the settings that train from drawn weights: as drawn, normalised layer by
// layer, and with batch normalisations put in.
func (l *lab) starts(name string, draw func(*lab) error, normalised bool) []variant {
	drawn := func(context.Context, *lab) (string, error) {
		return "", draw(l)
	}
	list := []variant{{name: name, tune: everything, change: drawn}}
	if normalised && len(l.normalisable()) > 0 {
		list = append(list, variant{name: name + ", normalised", tune: everything, change: func(ctx context.Context, l *lab) (string, error) {
			if err := draw(l); err != nil {
				return "", err
			}
			return "", l.renormalise(ctx)
		}})
	}
	if len(l.foldable()) > 0 {
		list = append(list, l.withNorms(name+", batch normalisations put in", drawn))
	}
	return list
}

// fromScratch forgets everything that was trained. Deep networks without normalisation are
// hard to train. A start that is normalised layer by layer is therefore tried as well, and
// so are inserted batch normalisations, which somebody who starts anew can use too.
func fromScratch(l *lab) []variant {
	list := l.starts("Kaiming initialisation", func(l *lab) error {
		l.reinitialise()
		return nil
	}, true)
	list = append(list, redraw(l)...)
	list = append(list, l.tunedPublic()...)
	if len(l.foldable()) == 0 {
		return list
	}
	small := l.withNorms("small weights, batch normalisations put in", func(_ context.Context, l *lab) (string, error) {
		l.reinitialise()
		for _, y := range l.anatomy.layers {
			scale(l.values(y.weight), smallWeights)
		}
		return "", nil
	})
	list = append(list, small)
	if l.opt.wants(long) { // which is to be compared with its like
		small.name, small.times = fmt.Sprintf("%s, %d × the epochs", small.name, longTimes), longTimes
		list = append(list, small)
	}
	return list
}
