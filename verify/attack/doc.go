// Package attack measures what somebody who holds a locked model, but not its
// key, can make of it.
//
// Run takes a locked model, the attacker's labelled samples and a test set. It carries out
// attacks with the gradients of package gradient: fine-tuning, pruning, resets of
// suspicious values, re-initialised layers, the search run backwards, and others. List
// returns their names.
//
// # The zero line
//
// An attacker who has samples can train a network without the locked weights. What that
// reaches is the zero line. It is made as strong as the attacks are: each attack that trains
// is repeated from a start that holds nothing of the original, in the same settings, with
// the same optimisers and epochs. This is the attack's control. Training from scratch tries
// further starts: Kaiming's initialisation, normal draws with the scale of each tensor, the
// exponents of the file in random places; as they are, normalised layer by layer, and with
// batch normalisations put in. The best of all these on the validation samples is the zero
// line. A lock withstands the attacks if the best of them is no better than that. The
// difference is the Advantage.
//
// # How an attack is measured
//
// The attacker keeps a part of the samples for validation. Every setting of an
// attack (how much to prune, which learning rate …) is tried, each training
// keeps the weights of its best epoch, and the setting that does best on the
// validation part is the attack's result. The best attack and the zero line are chosen in
// the same way. The test set plays no part in any choice.
//
// Training is mini-batch descent on the mean cross-entropy of the logits, by SGD
// with momentum or by Adam (Kingma and Ba, arXiv 1412.6980), the learning rate
// falling to zero along half a cosine (Loshchilov and Hutter, arXiv 1608.03983).
// The graph is that of inference: dropout is off, and a batch normalisation that
// has not been folded into its neighbours keeps its mean and variance, while its
// scale and bias are trained. The attack batchnorm, and one way to train from
// scratch, put normalisations with the statistics of each batch into the graph,
// and fold them again. Quantised weights are trained as the numbers they stand
// for, in floating point (dequantise.go); those of integer operators stay as they are.
//
// # Files
//
//	doc.go          this overview
//	attack.go       Run and its options; the list of attacks
//	settings.go     the settings of an attack; which one is best
//	report.go       Report: what attacks came to
//	state.go        finished attacks, for an attack that continues
//	lab.go          the model and the samples that attacks work with
//	dequantise.go   quantised weights as floating-point ones
//	blank.go        the zero line: attacks from starts that hold nothing of the original
//	trainer.go      training for some epochs
//	optimiser.go    SGD and Adam
//	anatomy.go      which initializer is what to which layer
//	estimate.go     which weights look wrong, by the ranking of the search
//	detect.go       ratings of ways to tell changed weights
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
