// Package task defines, for each kind of task, what labels look like, how good answers are,
// and when a model is useless.
//
// The search, the verification and the attacks get this from a [Task], and measure models
// with an [Evaluator]. The tasks are:
//
//	classification  one of many classes: logits [N,K]
//	binary          yes or no: one logit a sample, [N] or [N,1]
//	multi-label     several yes or no: logits [N,L]
//	regression      numbers: [N] or [N,…]
//	language        the next token, or a masked one: logits [N,T,V]
//	tagging         a class for every token: [N,T,K]
//	segmentation    a class for every position: [N,K,…] or [N,…,K]
//	ctc             a text, recognised step by step: [N,T,C]
//	image           images or signals computed from such: [N,C,H,W], [N,C,T]
//	detection       boxes with classes and scores, in one to three outputs
//	embedding       vectors [N,D], of which only distances matter
//	outputs         any outputs at all, compared with those of the original
//
// [Guess] chooses the task by a model's outputs and the labels in the data.
//
// # When is a model useless?
//
// A model is useless when its answers say no more about the truth than answers given
// without looking at the sample. For classes, that is the accuracy of answers with the same
// frequencies as the model's, given at random.
//
// For numbers, an error measure is not enough. A change of one bias moves every output and makes all
// errors large, but whoever knows some labels can move the outputs back. So for numbers, scores
// and vectors the order of the outputs counts, and not their position: the area under the ROC
// curve, the rank correlation, the cosine after the mean has been subtracted.
//
// A [Score] has both the usual metrics and the Quality that the search works with.
//
// # A new task
//
// A new task is a type that implements [Task], in a file of its own. It is added to the
// list in task.go, and Guess (guess.go) has to recognise it.
//
// # Files
//
//	doc.go             this overview
//	task.go            Task, Traits and Tally; the list of tasks
//	given.go           outputs that depend on no weight
//	outlook.go         what the graph tells about an output
//	view.go            what outlooks of one model have in common
//	axis.go            which axis of an output has the classes
//	state.go           outputs that are states, fed back as inputs
//	argmax.go          outputs of classes that an ArgMax chooses, or of the best few that a TopK does
//	guess.go           Guess: the task that outputs and labels look like
//	size.go            sizes of batches and calibration sets
//	evaluator.go       Evaluator: the loop that measures a model
//	score.go           Score and Metric
//	counts.go          answers by class: accuracy, chance, κ, IoU
//	joint.go           counts of answers and labels together: mutual information, renaming
//	differences.go     numbers of an output less their mean
//	ranking.go         scores of two classes, whatever the threshold
//	rest.go            answers without the most frequent ones
//	renamed.go         what renaming the answers gives back, as a loss
//	choice.go          tasks with classes: soft accuracy, cross-entropy
//	columns.go         tasks with numbers: soft and rank correlation
//	positions.go       outputs with a choice at every position
//	classification.go  the task classification
//	binary.go          the tasks binary and multi-label
//	regression.go      the task regression
//	language.go        the task language
//	segmentation.go    the task segmentation
//	tagging.go         the task tagging
//	ctc.go             the task ctc
//	ctc_reading.go     the text that a model reads in a sample
//	ctc_tally.go       error rates of characters and lines
//	alignment.go       aligning steps with a text; its probability
//	image.go           the task image
//	ssim.go            structural similarity
//	embedding.go       the task embedding
//	detection.go       the task detection
//	boxes.go           boxes, scores, and what a detector finds
//	boxes_forms.go     the forms in which detectors output them
//	counting.go        how a detector numbers classes
//	precision.go       average precision
//	outputs.go         the task outputs
//	outputs_tally.go   its score, and that of single numbers
//	several.go         several outputs with a task each
//	errors.go          typed errors
package task
