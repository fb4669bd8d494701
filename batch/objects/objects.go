// Package objects reads and writes objects in buckets: s3://bucket/key,
// gs://bucket/key and azblob://container/key.
//
// Clients of the clouds are large, so they are in a program of their own,
// advparams-storage (folder storage of the repository). [Client] starts it when
// the first URL is used; [Serve] is its other end. Both speak JSON lines over the
// program's standard input and output. Contents go through files, so that size
// does not matter.
package objects

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Object is what is known of an object without its content.
type Object struct {
	URL      string    `json:"url"`
	Size     int64     `json:"bytes"`
	Modified time.Time `json:"modified"` // by the clock of the storage
	// ETag changes with the content; it means nothing else.
	ETag string `json:"etag,omitempty"`
	// SHA256 is known after a transfer, and of objects that this program wrote.
	SHA256 string `json:"sha256,omitempty"`
}

// Store is object storage. Errors for objects that are not there wrap
// fs.ErrNotExist. Its methods may be called from several goroutines.
type Store interface {
	// List returns the objects whose URLs begin with prefix, by URL.
	List(ctx context.Context, prefix string) ([]Object, error)
	Stat(ctx context.Context, url string) (Object, error)
	// Get copies an object into a file, which is there whole or not at all.
	Get(ctx context.Context, url, file string) (Object, error)
	// Put makes a file an object, which appears whole or not at all. With fresh,
	// it fails with ErrExists if there is one that has another content.
	Put(ctx context.Context, url, file string, fresh bool) (Object, error)
	// Read and Write are for small objects.
	Read(ctx context.Context, url string) ([]byte, Object, error)
	Write(ctx context.Context, url string, data []byte) (Object, error)
	// Delete removes an object, if it is there.
	Delete(ctx context.Context, url string) error
}

// ErrExists is wrapped by the error of Put if there is an object already.
var ErrExists = errors.New("exists already")

// MaxSmall is the most bytes that Read and Write take.
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

// Split divides a URL into that of its bucket and the key.
func Split(url string) (bucket, key string) {
	scheme, rest, _ := strings.Cut(url, "://")
	name, key, _ := strings.Cut(rest, "/")
	return scheme + "://" + name, key
}

// Clean returns the shortest URL for the same object. It cannot lead out of the
// bucket.
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

// Rel returns the path of url below folder, if it is there.
func Rel(folder, url string) (string, bool) {
	return strings.CutPrefix(url, strings.TrimSuffix(folder, "/")+"/")
}

// Check refuses URLs that name no object, and those whose elements could not be
// names of files.
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
