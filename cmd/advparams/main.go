// Command advparams locks neural networks: it makes an ONNX model useless by
// changing a few of its parameters, and gives it back with a key.
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
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
