// Package perturb decides which parameters of a model to change, and to what,
// so that the model becomes useless: the AdvParams method.
//
// The gradient of a loss with respect to the weights tells which few of them matter
// most. A changed weight stays within the range of values of its tensor, and nothing is
// trained.
//
// [Search] finds as few changes as possible, [Hardened] spends a budget of changes so
// that less is left to start from for somebody who has training data. Both return a
// [Result] with a [Plan], whose Edits onnxio.Model.Rewrite applies to the model's file.
package perturb
