package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
)

// OpenAzure opens a container of Azure Blob Storage, or of the server that
// AZURE_STORAGE_DOMAIN names.
func OpenAzure(ctx context.Context, container string) (*blob.Bucket, error) {
	service, err := azureblob.NewServiceURL(azureblob.NewDefaultServiceURLOptions())
	if err != nil {
		return nil, &CredentialsError{err, "set AZURE_STORAGE_ACCOUNT, and AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN unless there is an identity"}
	}
	client, err := azureblob.NewDefaultClient(service, azureblob.ContainerName(container))
	if err != nil {
		return nil, &CredentialsError{err, "check the variables AZURE_STORAGE_*"}
	}
	return azureblob.OpenBucket(ctx, client, nil)
}

// onceAzure has Azure's client send a request once; insistAzure a few times,
// which is for the parts of an upload.
func onceAzure(ctx context.Context) context.Context {
	return policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1})
}

func insistAzure(ctx context.Context) context.Context {
	return policy.WithRetryOptions(ctx, policy.RetryOptions{})
}

// overtaken reports whether Azure has thrown away the parts of an upload, since
// another one of the same object came to its end.
func overtaken(err error) bool {
	return bloberror.HasCode(err, bloberror.InvalidBlockList, bloberror.InvalidBlobOrBlock)
}

// brief shortens the errors of Azure's client, which quote the whole answer.
func brief(err error) error {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return &briefError{err, fmt.Sprintf("the storage answers %d %s", answer.StatusCode, answer.ErrorCode)}
	}
	return err
}

type briefError struct {
	error
	text string
}

func (e *briefError) Error() string { return e.text }
func (e *briefError) Unwrap() error { return e.error }
