// Package minimal finds a lock of the profile minimal: few changes that make a model useless.
//
// [Find] is the course of one lock. It gets the samples (package samples), searches for changes
// (package perturb), and then makes the lock hold where the search has not looked, one pass after
// the other: on samples of other kinds, for numbers behind the answers, for other outputs. A pass
// measures what the lock leaves, and goes on with the search if that is too much. The [Lock] that
// comes out has the changes; package advparams writes the files.
//
// # Files
//
//	doc.go       this overview
//	lock.go      the course of a lock, and its passes in their order
//	search.go    the search, going on with it, and measuring again
//	approach.go  how far a search has come
//	hold.go      pass: samples that are made up, and samples in other scales
//	scores.go    scores on samples that are made up, a part of hold.go's pass
//	crossed.go   pass: samples that are put together from two each, where there are few
//	numbers.go   pass: the numbers that answers are chosen by
//	squashed.go  pass: outputs behind activations that hide gradients
//	single.go    pass: single numbers behind a mean over many
//	answers.go   pass: the largest of several numbers; the scores of two classes
//	outputs.go   pass: outputs that the search has not looked at; the verdict
//	rows.go      changes that act on some inputs only: rows of tables
//	doubt.go     samples that may not be prepared as in training
package minimal
