// Package batch locks and verifies many models.
//
// [Load] reads a manifest. [Manifest.Plan] finds the models it names and makes one
// [Job] a model. [Run] runs the jobs side by side and returns a [Summary], with one
// [Result] a model. Each step of a job runs in a child process of its own, so that
// a crash costs one model only.
//
// A child process is the advparams program, or any other that answers the
// requests of package internal/wire. Package batch itself never parses a model.
//
// # State
//
// Each model has a record, a lock file and a log in the folder [StateFolder] beside
// its outputs. The record says what was done, with which inputs and options, and
// what came of it. A later run skips a model if its inputs, options and outputs
// still are what the record says. docs/batch.md has the details.
package batch
