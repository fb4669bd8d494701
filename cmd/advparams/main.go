// Command advparams locks neural networks: it makes an ONNX model useless by
// changing a few of its parameters, and gives it back with a key.
//
// # Files
//
//	main.go         the process: signals and exit status
//	root.go         the root command, panics, arguments
//	failure.go      errors as text and exit statuses
//	options.go      errors in options, in terms of flags
//	hints.go        what to do about other errors
//	console.go      notes, warnings, results, progress
//	output.go       outputs that go to standard output
//	pipes_unix.go   pipes that nobody reads
//	pipes_other.go  the same on other systems
//	flags.go        kinds of flags
//	data.go         flags for samples and tasks
//	keyflags.go     flags for recipients, identities and passphrases
//	protect.go      advparams protect
//	unlock.go       advparams unlock
//	verify.go       advparams verify
//	attack.go       advparams attack
//	inspect.go      advparams inspect
//	gradients.go    advparams gradients
//	bench.go        advparams bench
//	batch.go        advparams batch
//	batch_step.go   one step of a batch, in a child process
//	keygen.go       advparams keygen
//	demo.go         advparams demo
//	version.go      advparams version
//	docs.go         docs/cli.md from the commands
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ignorePipes()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the work in good order, the second at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr)) // a signal that comes too late changes nothing
}
