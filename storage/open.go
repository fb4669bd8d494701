package storage

import (
	"context"
	"fmt"
	"strings"

	"gocloud.dev/blob"
)

// Open opens a bucket, s3://bucket, gs://bucket or azblob://container, with the
// credentials of the environment.
func Open(ctx context.Context, bucket string) (*blob.Bucket, error) {
	scheme, name, _ := strings.Cut(bucket, "://")
	switch scheme {
	case "s3":
		return OpenS3(ctx, name)
	case "gs":
		return OpenGCS(ctx, name)
	case "azblob":
		return OpenAzure(ctx, name)
	}
	return nil, fmt.Errorf("there is no object storage %s://", scheme)
}
