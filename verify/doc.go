// Package verify finds out what locking did to a model.
//
// A [Report] has the scores of the original, the locked and the unlocked model, which a
// [task.Evaluator] measures. [Evidence] is what an HTML report shows beside the scores. It is
// computed from [Runs] of these models on samples and from their [Tensors].
//
// # Files
//
//	doc.go       this overview
//	report.go    the scores of the original, locked and unlocked model
//	evidence.go  what a report shows beside them
//	interval.go  scores with confidence intervals
//	runs.go      the answers of the models: classes, mistakes, single steps
//	tensors.go   where the changes lie; histograms
//	examples.go  samples with the answers to them
//	pictures.go  pictures of samples
//	worth.go     what a lock is worth, in words
//	spec.go      what data has to look like for a model
package verify
