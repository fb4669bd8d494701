// Package verify finds out what locking did to a model. A [Report] gathers the scores of the
// original, the locked and the unlocked model, which a [task.Evaluator] measures. [Evidence]
// is what a page shows beside them, from [Runs] of the versions on samples and from their
// [Tensors].
//
// # Files
//
//	doc.go       this overview
//	report.go    the scores of the versions of a model
//	evidence.go  what a report shows beside them
//	interval.go  scores with confidence intervals
//	runs.go      what the versions answer: classes, mistakes, single steps
//	tensors.go   where the changes lie; histograms
//	examples.go  samples with the answers to them
//	pictures.go  how samples look
//	worth.go     what a lock is worth, in words
//	spec.go      what data has to look like for a model
package verify
