// Command advparams-storage reads and writes objects in the clouds for
// advparams, which starts it when a manifest has a URL s3://, gs:// or
// azblob://. Requests come on standard input; it ends with that.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/storage"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "advparams-storage is started by advparams, for URLs s3://, gs:// and azblob://. It has no arguments.")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	store := &storage.Store{Open: storage.Open}
	// Answers alone go to standard output, whatever the clouds' clients print.
	answers := os.Stdout
	os.Stdout = os.Stderr
	err := objects.Serve(ctx, store, os.Stdin, answers)
	if err := errors.Join(err, store.Close()); err != nil {
		fmt.Fprintln(os.Stderr, "advparams-storage:", err)
		os.Exit(1)
	}
}
