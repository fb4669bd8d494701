// Package synth makes up samples for a classifier from the classifier alone, for
// those who have a model and no data.
//
// A sample begins as noise, smooth along the longer axes of the input as images
// and signals are, of mean 0 and variance 1, which preprocessing brings most data
// to. It then follows the gradient of the model by its input until the model is
// sure of a class; the classes take turns, so that all are there. The gradient is
// smoothed as well: what remains are shapes the model knows, rather than the fine
// patterns with which any image can be made to look like anything.
package synth
