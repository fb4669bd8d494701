// Package attack measures what an attacker regains who has a locked model but not its key.
//
// Run takes a locked model, the attacker's labelled samples and a test set. It carries out
// attacks with the gradients of package gradient: fine-tuning, pruning, resets of
// suspicious values, re-initialised layers, the search run backwards, and others. List
// returns their names.
//
// # The zero line
//
// An attacker who has samples can train a network without the locked weights. What that reaches is
// the zero line. It is made as strong as the attacks are:
//
//   - Each attack that trains is repeated from a start that holds nothing of the original, with the
//     same settings, optimisers and epochs. This is the attack's control.
//   - Training from scratch tries further starts: Kaiming's initialisation, normal draws with the
//     scale of each tensor, and the exponents of the file in random places. Each is tried as it is,
//     normalised layer by layer, and with batch normalisations put in.
//
// The zero line is the best of all these on the validation samples. A lock withstands the attacks if
// the best attack is no better than the zero line. The difference is the Advantage.
//
// # How an attack is measured
//
// The attacker keeps a part of the samples for validation. Every setting of an attack is tried, such as
// how much to prune or which learning rate. Each training keeps the weights of its best epoch. The
// setting that does best on the validation part is the attack's result. The best attack and the zero
// line are chosen in the same way. The test set plays no part in any choice.
//
// Training is mini-batch descent on the mean cross-entropy of the logits, by SGD with momentum or by
// Adam (Kingma and Ba, arXiv 1412.6980). The learning rate falls to zero along half a cosine
// (Loshchilov and Hutter, arXiv 1608.03983).
//
// The graph is that of inference: dropout is off. A batch normalisation that has not been folded into
// its neighbours keeps its mean and variance, while its scale and bias are trained. The attack
// batchnorm, and one way to train from scratch, put normalisations with the statistics of each batch
// into the graph, and fold them afterwards. Quantised weights are trained as the numbers they stand
// for, in floating point (dequantise.go). Those of integer operators stay as they are.
//
// # Files
//
//	doc.go          this overview
//	attack.go       Run and its options; the list of attacks
//	settings.go     the settings of an attack; which one is best
//	report.go       Report: the results of attacks
//	state.go        finished attacks, for an attack that continues
//	lab.go          the model and the samples that attacks use
//	dequantise.go   quantised weights as floating-point ones
//	blank.go        the zero line: attacks from starts that hold nothing of the original
//	trainer.go      training for some epochs
//	optimiser.go    SGD and Adam
//	anatomy.go      which initializer is the weight, bias … of which layer
//	estimate.go     which weights look wrong, by the ranking of the search
//	detect.go       ratings of ways to detect changed weights
//	tune.go         attacks: fine-tuning
//	prune.go        attacks: pruning
//	reset.go        attacks: outliers and extremes reset
//	smooth.go       attacks: smoothing and rounding
//	reinit.go       attacks: layers initialised anew; training from scratch
//	renormalise.go  attacks: units brought to mean 0 and variance 1
//	batchnorm.go    attacks: batch normalisations put in
//	public.go       attacks: the public model that a model was tuned from
//	oracle.go       attacks: training on the answers of the original
//	repair.go       attacks: the search run backwards
//	partialkey.go   attacks: a part of the key, or the places alone
//	errors.go       typed errors
package attack
