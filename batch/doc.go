// Package batch locks and verifies many models: it reads a manifest, plans one
// job a model, and runs the jobs side by side, each in child processes, so that
// a crash costs one model only.
//
//	m, err := batch.Load("manifest.yaml")
//	plan, err := m.Plan()
//	jobs := plan.Shard(batch.Shard{Index: 0, Count: 4})
//	summary, err := batch.Run(ctx, jobs, batch.Config{Command: []string{"advparams"}, Tool: "v1.2.3"})
//
// The package knows nothing of ONNX. What is done to a model is done by the
// advparams commands inputs, protect and verify, whose arguments [Job] makes and
// whose JSON it reads.
//
// # State
//
// Beside the outputs, in a folder [StateFolder], each model has a record (what
// was done, with which inputs and options, and what came of it), a lock file and
// the log of its commands. A model whose record fits its inputs, options and
// outputs is skipped. docs/batch.md has the details.
package batch
