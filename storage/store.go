// Package storage is object storage in the clouds, through the Go CDK's blob
// package: what the program advparams-storage serves to advparams.
//
// Every operation is repeated, after growing pauses, while its failure may go
// away, and interrupted when nothing moves for a while. A download goes on where
// it was cut off. Contents are checked by digest in both directions.
//
// It is a module of its own because the clouds' clients are many times the size
// of everything else here; docs/batch.md has the figures.
package storage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/advparams/advparams/batch/objects"
)

// Store implements objects.Store.
type Store struct {
	// Open opens a bucket by its URL.
	Open func(ctx context.Context, bucket string) (*blob.Bucket, error)
	// Patience says how long to go on; the zero value is the usual one.
	Patience Patience

	mu      sync.Mutex
	buckets map[string]*blob.Bucket
}

var _ objects.Store = (*Store)(nil)

// digestKey is the metadata that holds the SHA-256 of what we write.
const digestKey = "advparams-sha256"

// bucket returns the opened bucket of a URL, and the key.
func (s *Store) bucket(ctx context.Context, url string) (*blob.Bucket, string, error) {
	name, key := objects.Split(url)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[name]; b != nil {
		return b, key, nil
	}
	// It outlives the request that came first.
	b, err := s.Open(context.WithoutCancel(ctx), name)
	if err != nil {
		return nil, "", fmt.Errorf("cannot open %s: %w", name, err)
	}
	if s.buckets == nil {
		s.buckets = map[string]*blob.Bucket{}
	}
	s.buckets[name] = b
	return b, key, nil
}

// Close closes the buckets.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, b := range s.buckets {
		errs = append(errs, b.Close())
	}
	s.buckets = nil
	return errors.Join(errs...)
}

// do runs an operation on an object until it succeeds, or fails for good.
func (s *Store) do(ctx context.Context, verb, url string, f func(ctx context.Context, b *blob.Bucket, key string, p *pulse) error) error {
	b, key, err := s.bucket(ctx, url)
	if err != nil {
		return err
	}
	return explain(verb, url, s.Patience.retry(ctx, func(ctx context.Context, p *pulse) error { return f(ctx, b, key, p) }))
}

// List implements objects.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]objects.Object, error) {
	bucket, _ := objects.Split(prefix)
	var list []objects.Object
	err := s.do(ctx, "list", prefix, func(ctx context.Context, b *blob.Bucket, key string, p *pulse) error {
		list = nil
		it := b.List(&blob.ListOptions{Prefix: key})
		for {
			o, err := it.Next(ctx)
			if err == io.EOF { // itself: a connection that broke wraps one
				return nil
			}
			if err != nil {
				return err
			}
			p.beat()
			list = append(list, objects.Object{URL: bucket + "/" + o.Key, Size: o.Size, Modified: o.ModTime.UTC(), ETag: listedTag(o)})
		}
	})
	slices.SortFunc(list, func(a, b objects.Object) int { return strings.Compare(a.URL, b.URL) })
	return list, err
}

// Stat implements objects.Store.
func (s *Store) Stat(ctx context.Context, url string) (o objects.Object, err error) {
	err = s.do(ctx, "look up", url, func(ctx context.Context, b *blob.Bucket, key string, _ *pulse) error {
		a, err := b.Attributes(ctx, key)
		if err == nil {
			o = described(url, a)
		}
		return err
	})
	return o, err
}

// Read implements objects.Store.
func (s *Store) Read(ctx context.Context, url string) (data []byte, o objects.Object, err error) {
	err = s.do(ctx, "read", url, func(ctx context.Context, b *blob.Bucket, key string, p *pulse) error {
		a, err := b.Attributes(ctx, key)
		if err != nil {
			return err
		}
		if a.Size > objects.MaxSmall {
			return final(fmt.Errorf("it has %d bytes, more than it should", a.Size))
		}
		r, err := b.NewReader(ctx, key, nil)
		if err != nil {
			return err
		}
		defer r.Close()
		if data, err = io.ReadAll(p.reader(io.LimitReader(r, objects.MaxSmall))); err != nil {
			return err
		}
		o = described(url, a)
		return checkDigest(&o, int64(len(data)), sha256.Sum256(data))
	})
	return data, o, err
}

// checkDigest compares what came with what should have come, and notes its digest.
func checkDigest(o *objects.Object, size int64, sum [sha256.Size]byte) error {
	digest := hex.EncodeToString(sum[:])
	if size != o.Size || o.SHA256 != "" && digest != o.SHA256 {
		return fmt.Errorf("%d bytes with SHA-256 %s came, and %d with %s should have", size, digest, o.Size, cmp.Or(o.SHA256, "any"))
	}
	o.SHA256 = digest
	return nil
}

// Write implements objects.Store.
func (s *Store) Write(ctx context.Context, url string, data []byte) (o objects.Object, err error) {
	sum := sha256.Sum256(data)
	err = s.do(ctx, "write", url, func(ctx context.Context, b *blob.Bucket, _ string, p *pulse) error {
		o, err = send(ctx, b, url, bytes.NewReader(data), p, hex.EncodeToString(sum[:]), options(url, int64(len(data))))
		return err
	})
	return o, err
}

// Delete implements objects.Store.
func (s *Store) Delete(ctx context.Context, url string) error {
	err := s.do(ctx, "delete", url, func(ctx context.Context, b *blob.Bucket, key string, _ *pulse) error {
		return b.Delete(ctx, key)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// options returns how to write an object of some size.
func options(url string, size int64) *blob.WriterOptions {
	kind := mime.TypeByExtension(path.Ext(url))
	if kind == "" {
		kind = "application/octet-stream"
	}
	return &blob.WriterOptions{ContentType: kind, BufferSize: partSize(size), DisableContentTypeDetection: true}
}

// partSize returns the size of the parts of an upload: S3 takes 10,000 at most.
func partSize(size int64) int {
	const least, parts = 8 << 20, 9000
	return int(max(least, (size/parts+1<<20)&^(1<<20-1)))
}

// content is what an object is made of.
type content interface {
	io.Reader
	Size() int64
}

// send writes an object and makes sure that it is there as it should be. When it
// fails, no part of it appears.
func send(ctx context.Context, b *blob.Bucket, url string, from content, p *pulse, digest string, opt *blob.WriterOptions) (objects.Object, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opt.Metadata = map[string]string{digestKey: digest}
	_, key := objects.Split(url)
	// Not through a Writer: that of Azure falls over when a part of an upload fails.
	if err := b.Upload(ctx, key, &abortReader{p.reader(from), cancel}, opt); err != nil {
		return objects.Object{}, err
	}
	a, err := b.Attributes(ctx, key)
	if err != nil {
		return objects.Object{}, err
	}
	o := described(url, a)
	if o.SHA256 != digest {
		return o, final(errors.New("somebody else wrote the object at the same time"))
	}
	if o.Size != from.Size() {
		return o, fmt.Errorf("%d bytes have arrived of %d", o.Size, from.Size())
	}
	return o, nil
}

// abortReader ends the upload that it feeds when it fails: GCS would make an
// object of what there is.
type abortReader struct {
	io.Reader
	abort func()
}

func (r *abortReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if err != nil && err != io.EOF {
		r.abort()
	}
	return n, err
}

// Put implements objects.Store.
func (s *Store) Put(ctx context.Context, url, file string, fresh bool) (o objects.Object, err error) {
	f, err := os.Open(file)
	if err != nil {
		return o, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return o, fmt.Errorf("reading %s: %w", file, err)
	}
	digest := hex.EncodeToString(h.Sum(nil))
	opt := options(url, size)
	parted := size > int64(opt.BufferSize)
	if parted {
		opt.BeforeWrite = insistGCS(s.Patience.filled().Stall / 2)
	}
	err = s.do(ctx, "write", url, func(ctx context.Context, b *blob.Bucket, key string, p *pulse) error {
		sending := ctx
		if parted {
			// What a killed run left of an upload is paid for until it is removed.
			sweep(ctx, b, url)
			// One part that fails does not cost all others.
			sending = insistAzure(ctx)
		}
		opt.IfNotExist = fresh
		if fresh {
			// Not all servers heed that, and nothing has to be sent to find out. It may
			// be ours, of a try whose answer was lost.
			switch there, err := b.Attributes(ctx, key); {
			case err == nil && there.Metadata[digestKey] != digest:
				return final(objects.ErrExists)
			case err == nil && there.Size == size:
				o = described(url, there)
				return nil
			case err == nil: // ours, and not as it should be
				opt.IfNotExist = false
			case code(err) != gcerrors.NotFound:
				return err
			}
		}
		o, err = send(sending, b, url, io.NewSectionReader(f, 0, size), p, digest, opt)
		switch c := code(err); {
		case fresh && c == gcerrors.FailedPrecondition:
			err = fmt.Errorf("it has appeared meanwhile: %v", err) // the next try finds out whose it is
		case parted && c == gcerrors.NotFound:
			err = fmt.Errorf("the parts of the upload are gone: %v", err) // not the bucket
		}
		if err != nil && ctx.Err() != nil && parted {
			cleaning, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			sweep(cleaning, b, url)
			done()
		}
		return err
	})
	return o, err
}
