// Package synth makes up samples for a classifier from the model alone, for somebody who
// has no data.
//
// A sample starts as noise of mean 0 and variance 1, which preprocessing brings most data
// to. It is smooth along the longer axes of the input, as images and signals are. The
// sample then follows the gradient of the model by its input until the model is sure of a
// class. Classes take turns, so that all occur. The gradient is smoothed as well, which
// leaves shapes that the model knows, rather than the fine patterns of adversarial
// examples.
//
// If a model has other inputs, they get what their names and the graph suggest.
//
// Other families (Family) do not follow the gradient, or start differently. They show whether
// changes that were found with one kind of samples hold on others.
package synth
