// Package perturb decides which parameters of a model to change, and to what,
// so that the model becomes useless: the AdvParams method.
//
// The gradient of a loss with respect to the weights shows which few weights matter most. A changed
// weight stays within the range of values of its tensor, and nothing is trained. docs/method.md
// explains the rules of the search.
//
// [Search] finds as few changes as possible. It returns a [Result] with a [Plan]. Model.Rewrite of
// package onnxio applies the plan's Edits to the model's file.
//
// # Files
//
//	doc.go         this overview
//	search.go      Search and its options; where changes may be made
//	examine.go     the model as it came, and how it is run
//	minimal.go     the stages of the search, and how it ends
//	reached.go     whether changes reach the target, also on samples that did not choose them
//	beam.go        the loop of the search; the sets of changes that it follows
//	fitting.go     blocks whose values do not fit into memory
//	renaming.go    searches that see what renaming the answers gives back
//	widen.go       more samples choose changes, where these fit the samples
//	patient.go     more changes or more work than usual; a slower second attempt
//	gradual.go     many small changes, by the gradient alone
//	candidates.go  shortlists of changes by gradient × step
//	shifts.go      biases by how far a shift of their channel reaches
//	blocks.go      samples in blocks, with the state of the model on each
//	stale.go       parameters that were set since a block was computed
//	rounded.go     choosing changes with rounded factors, on matrix units
//	halving.go     successive halving: exact evaluation of candidates
//	bounds.go      the range of new values
//	squeeze.go     exchanges of changes, and attempts to do with fewer
//	inside.go      new values off the ends of the range
//	probe.go       a first pass: changes that swamp a residual stream
//	collapse.go    changes of the last layer that prefer one class
//	collapse_tokens.go  the same for one token of a language model
//	preference.go  the greedy choice of changes that prefer a class
//	constants.go   constants, which are no candidates
//	plausible.go   samples and models that are refused
//	plan.go        the changes found, as edits of a file
//	errors.go      typed errors
package perturb
