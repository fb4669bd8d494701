// Package gradient computes a model's outputs, and the gradient of a loss with
// respect to every weight.
//
// Compile turns an onnxio.Model into a Program for concrete input shapes.
//
//   - Program.Forward computes the outputs.
//   - Program.Gradients computes a Loss and its gradient with respect to each initializer.
//   - Program.Refresh and Program.Try recompute only what depends on a changed weight. Weights
//     are the trained parameters, which can be changed between runs.
//   - A Session does this over many samples, batch by batch.
//
// onnx-go decodes the model into a backend of this package. The backend builds a Gorgonia
// expression graph of operators that have their own kernels, and gorgonia.Grad differentiates
// the graph. A Program is that graph in execution order, with its buffers. It replaces a
// gorgonia.VM but is not one: each call passes inputs by name and a loss, and returns the
// results. Gorgonia's TapeMachine runs the same graphs, and tests compare the two.
//
// # Files
//
//	apart.go          samples computed separately: a copy of the graph for each
//	arena.go          reused buffers
//	axes.go           which axes of inputs and outputs count samples
//	chosen_among.go   the scores behind whole numbers that are computed from choices
//	compile.go        Compile: a model's nodes become a graph
//	params.go         a model's initializers become weights and constants
//	decided.go        shapes, loops and branches that depend on the values of inputs
//	decode.go         onnx-go decodes the nodes; their order
//	differentiate.go  gorgonia.Grad makes the graph of gradients
//	doc.go            this overview
//	engine.go         Workers, and the instruction set in use
//	errors.go         the errors, with what is wrong in their fields
//	functions.go      functions that a model defines
//	fuse.go           which operators run together
//	inputs.go         the inputs that a model declares
//	kept.go           weights kept in the layout that a kernel needs
//	layout.go         the order of operators, and a buffer for every value
//	loss.go           Probe, CrossEntropy and other losses
//	memory.go         bounds on memory
//	meter.go          Meter: the work that runs took
//	nested.go         branches and loop bodies
//	origins.go        Origins: outputs of classes that an ArgMax chooses
//	outputs.go        the outputs of a program: logits and scores instead of what is computed from them
//	pages_linux.go    large pages for large buffers
//	pages_other.go    the same where there are none
//	peak.go           the machine's peak arithmetic and memory throughput
//	probe.go          axes of samples that only a run shows
//	profile.go        Profile: the time that operators take
//	program.go        Program: bound inputs, Forward, Gradients
//	readings.go       Readings: the operators that read weights, with their values
//	refresh.go        Refresh, Backward and Fork: running again after a change
//	rounded.go        integer outputs, and the floats that they are rounded from
//	run.go            runs operators, with their epilogues and companions
//	scope.go          values by name, and versions of operator sets
//	session.go        Session: many samples, batch by batch
//	supported.go      which operators are implemented, and which nodes of a model are not
//	try.go            Try: one changed weight, without changing it
//	upstream.go       the nodes that a value is computed from
//	visit.go          gradients passed to a function one by one
//	weights.go        Weights: the trained parameters
package gradient
