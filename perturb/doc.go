// Package perturb decides which parameters of a model to change, and to what,
// so that the model becomes useless: the AdvParams method.
//
// The gradient of a loss with respect to the weights tells which few of them matter
// most. A changed weight stays within the range of values of its tensor, and nothing is
// trained.
//
// [Search] finds as few changes as possible. It returns a [Result] with a [Plan], whose
// Edits onnxio.Model.Rewrite applies to the model's file.
//
// # Files
//
//	doc.go         this overview
//	search.go      Search and its options; where changes may be made
//	minimal.go     the fewest changes: course and end of the search
//	reached.go     whether changes reach the target, on samples that did not choose them
//	beam.go        sets of changes that are followed at a time
//	fitting.go     blocks of which the values do not fit into memory
//	widen.go       more samples to choose by, near the target
//	patient.go     a second attempt that adds changes one by one
//	gradual.go     many small changes, by the gradient alone
//	candidates.go  shortlists of changes by gradient × step
//	blocks.go      samples in blocks, with the state of the model on each
//	rounded.go     samples that are computed with rounded factors
//	halving.go     successive halving: exact evaluation of candidates
//	bounds.go      the range of new values
//	squeeze.go     exchanges, and attempts to do with fewer changes
//	inside.go      new values off the ends of the range
//	probe.go       a first pass: changes that swamp a residual stream
//	collapse.go    changes of the last layer that prefer one class
//	collapse_tokens.go  the same for one token of a language model
//	preference.go  the last layer with changes that prefer a class
//	constants.go   constants that are no candidates
//	plausible.go   samples and models that are refused
//	plan.go        the changes found, as edits of a file
//	errors.go      typed errors
package perturb
