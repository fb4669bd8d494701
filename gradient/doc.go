// Package gradient computes a model's outputs, and the gradient of a loss with
// respect to every weight.
//
// Compile turns an onnxio.Model into a Program for concrete input shapes.
// Program.Forward computes the outputs, Program.Gradients a Loss and its gradient by
// initializer. A Session does both over many samples, batch by batch. Weights are the
// trained parameters; they can be changed between runs, and Program.Refresh and
// Program.Try recompute only what depends on the change.
//
// onnx-go decodes the model into a backend of this package, which builds a Gorgonia
// expression graph of operators that have kernels of their own. gorgonia.Grad
// differentiates the graph. A Program is that graph in execution order, with its
// buffers. It takes the place of a gorgonia.VM but is not one: it is given its
// inputs by name and its loss at each call, and returns what it computed. Gorgonia's
// TapeMachine runs the same graphs, and tests compare the two.
//
// # Files
//
//	apart.go          a copy of the graph for each sample
//	arena.go          buffers that are used again
//	axes.go           which axes of inputs and outputs count samples
//	chosen.go         outputs of classes that an ArgMax chooses
//	compile.go        Compile: a model's nodes become a graph
//	params.go         a model's initializers become weights and constants
//	decided.go        what the numbers of inputs decide
//	decode.go         onnx-go decodes the nodes; their order
//	differentiate.go  gorgonia.Grad makes the graph of gradients
//	doc.go            this overview
//	engine.go         Workers, and the instruction set in use
//	errors.go         the errors, with what is wrong in their fields
//	functions.go      functions that a model defines
//	fuse.go           which operators run together
//	inputs.go         the inputs that a model declares
//	kept.go           weights that kernels keep in a form of their own
//	layout.go         the order of operators, and a buffer for every value
//	loss.go           Probe, CrossEntropy and other losses
//	memory.go         bounds on memory
//	meter.go          Meter: the work that runs took
//	nested.go         branches and loop bodies
//	outputs.go        the outputs of a program: logits and scores in place of what is made of them
//	pages_linux.go    large pages for large buffers
//	pages_other.go    the same where there are none
//	peak.go           what the machine reaches at best
//	probe.go          axes of samples that only a run shows
//	profile.go        Profile: the time that operators take
//	program.go        Program: bound inputs, Forward, Gradients
//	readings.go       Readings: where weights are read, with the values there
//	refresh.go        Refresh, Backward and Fork: running again after a change
//	rounded.go        outputs of integers, and the floats that they are rounded from
//	run.go            runs operators, with their epilogues and companions
//	scope.go          values by name, and versions of operator sets
//	session.go        Session: many samples, batch by batch
//	supported.go      what is implemented, and the nodes of a model that are not
//	try.go            Try: one changed weight, without changing it
//	upstream.go       the nodes that a value is computed from
//	visit.go          gradients that are given away one by one
//	weights.go        Weights: the trained parameters
package gradient
