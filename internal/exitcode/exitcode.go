// Package exitcode declares the exit statuses of the advparams command. The
// command and package batch, which runs steps in child processes, share them.
package exitcode

// Exit statuses. Scripts and schedulers rely on the numbers.
const (
	Done        = 0 // success
	Failed      = 1 // a bad file, an I/O error, a crash: trying again may help
	Usage       = 2 // a mistake in the command line or in the manifest
	Target      = 3 // a search did not reach its target, or no attack was finished, within the budget
	Key         = 4 // wrong identity, damaged key, or a model the key does not belong to
	Unsupported = 5 // the model uses something that is not implemented

	Last = Unsupported

	Interrupted = 130 // Ctrl-C or another request to stop: 128 + SIGINT, as shells say
)

// Retryable reports whether trying again may help after a status. Only Failed
// depends on circumstances; the others stay the same until an input changes.
func Retryable(status int) bool { return status == Failed }
