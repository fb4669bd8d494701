// Package objects reads and writes objects in buckets: s3://bucket/key,
// gs://bucket/key and azblob://container/key.
//
// The clients of the clouds are large and live in a program of their own,
// advparams-storage (folder storage of the repository). [Client] starts it when
// the first URL is used. [Serve] is the other end of the connection, in that
// program. The two exchange lines of JSON over the program's standard input and
// output. Contents go through files, so their size does not matter.
package objects

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Object describes an object without its content.
type Object struct {
	URL      string    `json:"url"`
	Size     int64     `json:"bytes"`
	Modified time.Time `json:"modified"` // by the clock of the storage
	// ETag is opaque and changes with the content.
	ETag string `json:"etag,omitempty"`
	// SHA256 of the content is known after a transfer, and for objects that this
	// program wrote; else it is empty.
	SHA256 string `json:"sha256,omitempty"`
}

// Store is object storage. If an object does not exist, errors wrap
// fs.ErrNotExist. The methods may be called from several goroutines.
type Store interface {
	// List returns the objects whose URLs begin with prefix, sorted by URL.
	List(ctx context.Context, prefix string) ([]Object, error)
	// Stat describes an object.
	Stat(ctx context.Context, url string) (Object, error)
	// Get copies an object to a file, which appears whole or not at all.
	Get(ctx context.Context, url, file string) (Object, error)
	// Put copies a file to an object, which appears whole or not at all. With
	// fresh, it fails with ErrExists if the object exists with another content.
	Put(ctx context.Context, url, file string, fresh bool) (Object, error)
	// Read returns the content of a small object.
	Read(ctx context.Context, url string) ([]byte, Object, error)
	// Write creates or replaces a small object.
	Write(ctx context.Context, url string, data []byte) (Object, error)
	// Delete removes an object. It succeeds if there is none.
	Delete(ctx context.Context, url string) error
}

// ErrExists is wrapped by the error of Put if the object exists already.
var ErrExists = errors.New("exists already")

// MaxSmall is the largest size in bytes of what Read and Write transfer.
const MaxSmall = 16 << 20

var schemes = []string{"s3://", "gs://", "azblob://"}

// IsURL reports whether a path names something in object storage.
func IsURL(path string) bool {
	for _, s := range schemes {
		if strings.HasPrefix(path, s) {
			return true
		}
	}
	return false
}

// Split divides a URL into the URL of the bucket and the key.
func Split(url string) (bucket, key string) {
	scheme, rest, _ := strings.Cut(url, "://")
	name, key, _ := strings.Cut(rest, "/")
	return scheme + "://" + name, key
}

// Clean returns the shortest URL of the same object. Elements .. do not lead out of
// the bucket.
func Clean(url string) string {
	bucket, key := Split(url)
	if key = strings.TrimPrefix(path.Clean("/"+key), "/"); key == "" {
		return bucket
	}
	return bucket + "/" + key
}

// Join returns the URL of a relative path below another URL.
func Join(url, name string) string { return Clean(url + "/" + name) }

// Dir returns the URL of the folder that an object is in.
func Dir(url string) string {
	bucket, key := Split(url)
	return Clean(bucket + "/" + path.Dir(key))
}

// Base returns the last element of an object's key.
func Base(url string) string {
	_, key := Split(url)
	return path.Base(key)
}

// Rel returns the path of url below folder. It reports false if url is not below
// folder.
func Rel(folder, url string) (string, bool) {
	return strings.CutPrefix(url, strings.TrimSuffix(folder, "/")+"/")
}

// Check returns an error for a URL that names no object, or with elements that
// cannot be names of files.
func Check(url string) error {
	bucket, key := Split(url)
	switch {
	case strings.HasSuffix(bucket, "://"):
		return errors.New(url + " names no bucket")
	case !fs.ValidPath(key) || key == "." || strings.ContainsAny(key, "\x00\\"):
		return errors.New(url + " is not the name of a file in a bucket")
	}
	return nil
}
