// Package study leaves parts of perturb.Search out, to measure what they are worth
// (docs/method.md). It is for experiments in bench/ and no part of the public API.
package study

import "context"

// Without says which parts of a search are left out. The zero value leaves out
// nothing.
type Without struct {
	Objective  bool // raise the training loss instead of lowering the task's objective
	Evaluation bool // take the best candidates by gradient × step without trying them
	Collapse   bool // do not try the last layer alone
	Clamp      bool // leave values at the end of their tensor's range
	Swamp      bool // do not try first what swamps a residual stream
	Shift      bool // do not try biases by how far what reads their channels moves
}

type key struct{}

// Context returns a context in which searches leave these parts out.
func (w Without) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, w)
}

// Of returns what searches in a context leave out.
func Of(ctx context.Context) Without {
	w, _ := ctx.Value(key{}).(Without)
	return w
}
