// Package perturb decides which parameters of a model to change, and to what,
// so that the model becomes useless: the AdvParams method.
//
// The method's idea is that the gradient of a loss with respect to the weights
// tells which few of them matter. A perturbed weight stays inside the range of
// values its tensor has anyway, and training plays no part.
package perturb
