// Package task knows what models are for: what the truth about a sample looks
// like, how good answers are, and when they are worth nothing.
//
// A [Task] is the one place where the search, the verification and the attacks
// learn that. Each is a file of its own:
//
//	classification  one of many classes: logits [N,K]
//	binary          yes or no: one logit a sample, [N] or [N,1]
//	multi-label     several yes or no: logits [N,L]
//	regression      numbers: [N] or [N,…]
//	language        the next token, or a masked one: logits [N,T,V]
//	segmentation    a class for every position: [N,K,…] or [N,…,K]
//	embedding       vectors [N,D], of which only distances matter
//
// [Guess] tells them apart by a model's outputs and the labels in the data.
//
// # When is a model useless?
//
// When its answers say no more about the truth than answers given without
// looking at the sample. For classes that is the accuracy of answers as frequent
// as the model's own, given blindly. Numbers are harder: one bias moves every
// output and makes all errors large, but whoever knows some labels moves them
// back. So for numbers, scores and vectors it is the order of the outputs that
// counts, not their place: the area under the ROC curve, the rank correlation,
// the cosine after the mean has been subtracted. A Score has both: the metric
// people know, and the Quality the search works with.
package task
