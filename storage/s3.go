package storage

import (
	"context"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	gcaws "gocloud.dev/aws"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// OpenS3 opens a bucket of S3, or of the server that AWS_ENDPOINT_URL_S3 or
// AWS_ENDPOINT_URL name: such servers rarely have a host name for each bucket,
// know of no regions, and may not know the latest kinds of checksums.
func OpenS3(ctx context.Context, bucket string) (*blob.Bucket, error) {
	q := url.Values{}
	elsewhere := os.Getenv("AWS_ENDPOINT_URL_S3") != "" || os.Getenv("AWS_ENDPOINT_URL") != ""
	if elsewhere {
		q.Set("request_checksum_calculation", "when_required")
		q.Set("response_checksum_validation", "when_required")
		if os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
			q.Set("region", "us-east-1")
		}
	}
	cfg, err := gcaws.V2ConfigFromURLParams(ctx, q)
	if err != nil {
		return nil, err
	}
	cfg.Logger = logging.Nop{} // what matters is in the errors
	// Single requests, and with them the parts of uploads, are repeated a little;
	// the long pauses are in Patience.
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff, o.RateLimiter = time.Second, ratelimit.None })
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = elsewhere })
	return s3blob.OpenBucket(ctx, client, bucket, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
}
