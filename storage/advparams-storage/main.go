// Command advparams-storage reads and writes objects in the clouds for
// advparams, which starts it when a manifest has a URL s3://, gs:// or
// azblob://. Requests come on standard input; it ends with that.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/gcsblob"

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
	store := &storage.Store{Open: open}
	err := objects.Serve(ctx, store, os.Stdin, os.Stdout)
	if err := errors.Join(err, store.Close()); err != nil {
		fmt.Fprintln(os.Stderr, "advparams-storage:", err)
		os.Exit(1)
	}
}

// open opens a bucket with the credentials of the environment.
func open(ctx context.Context, bucket string) (*blob.Bucket, error) {
	u, err := url.Parse(bucket)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "s3" {
		return storage.OpenS3(ctx, u.Host)
	}
	return blob.OpenBucket(ctx, bucket)
}
