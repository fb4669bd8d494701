package storage

import (
	"context"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
)

// OpenGCS opens a bucket of Google Cloud Storage, or of the server that
// STORAGE_EMULATOR_HOST names.
func OpenGCS(ctx context.Context, bucket string) (*blob.Bucket, error) {
	client, err := gcs.NewClient(ctx)
	if err != nil {
		return nil, &CredentialsError{err, "gcloud auth application-default login makes credentials; GOOGLE_APPLICATION_CREDENTIALS names a file with them"}
	}
	// By itself the client goes on for as long as it may.
	client.SetRetry(gcs.WithPolicy(gcs.RetryAlways), gcs.WithErrorFunc(func(error) bool { return false }))
	return gcsblob.OpenBucket(ctx, nil, bucket, &gcsblob.Options{Client: client})
}

// insistGCS returns a hook of blob.WriterOptions that has the client send single
// parts of an upload again, each for so long.
func insistGCS(long time.Duration) func(as func(any) bool) error {
	return func(as func(any) bool) error {
		var object **gcs.ObjectHandle
		if !as(&object) {
			return nil // not GCS
		}
		*object = (*object).Retryer(gcs.WithErrorFunc(gcs.ShouldRetry), gcs.WithBackoff(gax.Backoff{Initial: 100 * time.Millisecond, Max: 5 * time.Second}))
		var w *gcs.Writer
		if as(&w) {
			w.ChunkRetryDeadline = long
		}
		return nil
	}
}
