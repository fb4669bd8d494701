// Package samples gets samples ready for a model: those to lock it with, and those to measure it on.
//
// [Read] reads the samples that a [Data] names, and finds out which output of the model has the
// answers and what the model is for. [Calibration] does so for a lock: it also makes samples up where
// there are none, asks the model where they have no labels, and refuses those that decide nothing or
// are not prepared as in training. Both return a [Prepared], which runs the model on the samples,
// measures it, and judges the same samples by other tasks and other outputs.
//
// # Files
//
//	doc.go          this overview
//	data.go         which samples to use; reading them
//	calibration.go  the samples to lock a model with
//	madeup.go       samples that are made up, to search with and to judge with
//	head.go         the output with the answers, and what computes it
//	several.go      several outputs with a task each
//	carry.go        sequences, of which an input was an output before
//	labels.go       answers and next tokens as labels; samples that decide nothing
//	numbers.go      the same samples judged by another task; measuring
//	outputs.go      outputs that the task does not look at
//	scale.go        samples in another scale than those of training
//	suggest.go      images that were prepared otherwise than those of training
package samples
