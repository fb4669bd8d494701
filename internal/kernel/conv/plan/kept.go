package plan

import "github.com/advparams/advparams/internal/kernel/scratch"

// Kept keeps the weights of a convolution in the form that its method computes with. To make it
// takes longer than the products of a few small images. It is for convolutions of one kind,
// which choose the same method every time; between two with different weights it has to be
// emptied. A nil *Kept keeps nothing.
type Kept struct {
	form  []float32
	ready bool
}

// Forget empties k.
func (k *Kept) Forget() {
	if k != nil {
		k.ready = false
	}
}

// Form returns a buffer for n elements of weights in the form that a method needs. Unless they
// are ready, the method fills it. Give it back with [Conv.FreeForm].
func (p *Conv) Form(n int) (form *[]float32, ready bool) {
	k := p.Kept
	if k == nil {
		return scratch.Floats(n), false
	}
	ready = k.ready && len(k.form) == n
	if cap(k.form) < n {
		k.form = make([]float32, n)
	}
	k.form, k.ready = k.form[:n], true
	return &k.form, ready
}

// FreeForm gives back a buffer of [Conv.Form].
func (p *Conv) FreeForm(form *[]float32) {
	if p.Kept == nil {
		scratch.Free(form)
	}
}
