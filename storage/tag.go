package storage

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"

	"github.com/advparams/advparams/batch/objects"
)

// listedTag returns something that changes with the content of a listed object,
// the same as described has of it.
func listedTag(o *blob.ListObject) string {
	var (
		inS3    types.Object
		inGCS   gcs.ObjectAttrs
		inAzure container.BlobItem
	)
	switch {
	case len(o.MD5) > 0:
		return hex.EncodeToString(o.MD5)
	case o.As(&inS3) && inS3.ETag != nil:
		return strings.Trim(*inS3.ETag, `"`)
	case o.As(&inGCS):
		return fmt.Sprint(inGCS.Generation)
	case o.As(&inAzure) && inAzure.Properties != nil && inAzure.Properties.ETag != nil:
		return strings.Trim(string(*inAzure.Properties.ETag), `"`)
	}
	return o.ModTime.UTC().Format(time.RFC3339Nano)
}

// described returns what is known of an object; equal if nothing has changed.
func described(url string, a *blob.Attributes) objects.Object {
	tag := strings.Trim(a.ETag, `"`)
	var inGCS gcs.ObjectAttrs
	switch {
	case len(a.MD5) > 0:
		tag = hex.EncodeToString(a.MD5)
	case a.As(&inGCS): // its ETag changes with the metadata, too
		tag = fmt.Sprint(inGCS.Generation)
	}
	return objects.Object{URL: url, Size: a.Size, Modified: a.ModTime.UTC(), ETag: tag, SHA256: a.Metadata[digestKey]}
}
