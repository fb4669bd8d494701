package storage

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"github.com/advparams/advparams/batch/objects"
)

// sweep aborts unfinished uploads of an object in S3, of which nothing is
// visible but the bill. Whoever writes an object of ours holds the lock of its
// model, so nobody else's is aborted. What cannot be done here is left to the
// bucket's life-cycle rules.
func sweep(ctx context.Context, b *blob.Bucket, url string) {
	var client *s3.Client
	if !b.As(&client) {
		return // Azure drops them when the object is written; GCS does not charge for them
	}
	bucket, key := objects.Split(url)
	_, name, _ := strings.Cut(bucket, "://")
	list, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &name, Prefix: &key})
	if err != nil {
		return
	}
	for _, u := range list.Uploads {
		if u.Key != nil && *u.Key == key {
			_, _ = client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &name, Key: u.Key, UploadId: u.UploadId})
		}
	}
}
