// Package batch locks and verifies many models.
//
//   - [Load] reads a manifest.
//   - [Manifest.Plan] finds the models that it names, and makes one [Job] for each model.
//   - [Run] runs the jobs side by side and returns a [Summary], with one [Result] per model.
//
// Each step of a job runs in its own child process, so that a crash affects one model only. A child
// process is the advparams program, or any other program that answers the requests of package
// internal/wire. Package batch itself never parses a model.
//
// # State
//
// Each model has a record, a lock file and a log in the folder [StateFolder] beside
// its outputs. The record says what was done, with which inputs and options, and with
// which result. A later run skips a model if its inputs, options and outputs are still
// those of the record. docs/batch.md has the details.
//
// # Files
//
//	doc.go              this overview
//
//	manifest.go         reading a manifest: defaults, options that exclude one another
//	options.go          the options of a manifest, their values and what follows from them
//	schema.go           checking a manifest against its JSON Schema
//	plan.go             from a manifest to jobs: one for each model
//	find.go             from a manifest to jobs: which models there are
//	pattern.go          from a manifest to jobs: where outputs go
//	shard.go            parts of a plan, for clusters
//	path.go             paths of files and URLs of objects, alike
//
//	run.go              Run and Config; scheduling by memory and cores
//	progress.go         how far a run has come, and how long it will take
//	memory.go           cores and memory there are, and what a job needs
//	memory_linux.go     free memory, within the limits of control groups
//	memory_other.go     free memory is not known elsewhere
//
//	work.go             one job: its steps, one after the other
//	outputs.go          one job: what it may write, and has written
//	request.go          one job: what it asks child processes for
//	child.go            child processes: requests, responses, crashes
//	child_linux.go      child processes: ending with the parent, lack of memory
//	child_other.go      child processes: lack of memory, elsewhere
//	child_unix.go       child processes: sessions, signals, resource usage
//	child_unix_other.go child processes: ending with the parent, elsewhere
//	child_windows.go    child processes: signals, on Windows
//
//	state.go            the folder for records, locks and logs
//	record.go           what one run remembers of a model for the next
//	digest.go           states of files, and fingerprints of steps
//	lock.go             one run at a time works on a model: locks in files
//	lock_object.go      one run at a time works on a model: locks in object storage
//	process_linux.go    whether the owner of a lock lives
//	process_other.go    whether the owner of a lock lives is not known elsewhere
//
//	stage.go            copies of objects for the steps of a job
//	cache.go            copies of objects that models share
//
//	errors.go           typed errors, with advice in terms of the manifest
//	result.go           outcomes of models and runs
//	index.go            results as lines of JSON and as an HTML page
//	verdict.go            what became of a lock, in a few words
//	publish.go          the files about a run as a whole
//	metrics.go          results as metrics for Prometheus
//	objects/            object storage
package batch
