package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob"

	"github.com/advparams/advparams/batch/objects"
)

// Get implements objects.Store.
func (s *Store) Get(ctx context.Context, url, file string) (o objects.Object, err error) {
	part := file + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return o, err
	}
	defer func() {
		if err := errors.Join(err, f.Close()); err != nil {
			os.Remove(part)
		}
	}()
	var got download
	err = s.do(ctx, "read", url, func(ctx context.Context, b *blob.Bucket, key string, p *pulse) error {
		a, err := b.Attributes(ctx, key)
		if err != nil {
			return err
		}
		if now := described(url, a); now != got.object {
			// The first time, or it was replaced meanwhile.
			got = download{object: now}
		}
		if err := got.resume(ctx, b, key, f, p); err != nil {
			return err
		}
		// It may have been replaced between two readings.
		if a, err = b.Attributes(ctx, key); err != nil {
			return err
		}
		if described(url, a) != got.object {
			return errors.New("it was replaced while it was read")
		}
		o = got.object
		if err := got.check(&o, f); err != nil {
			got = download{} // begin anew
			return err
		}
		return nil
	})
	if err != nil {
		return objects.Object{}, err
	}
	return o, os.Rename(part, file)
}

// download is how far one has got.
type download struct {
	object objects.Object
	done   int64
}

// resume reads what is missing.
func (d *download) resume(ctx context.Context, b *blob.Bucket, key string, f *os.File, p *pulse) error {
	if d.done == 0 {
		if err := f.Truncate(0); err != nil {
			return final(err)
		}
	}
	if d.done == d.object.Size {
		return nil
	}
	r, err := b.NewRangeReader(ctx, key, d.done, -1, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Size() != d.object.Size {
		return fmt.Errorf("it has %d bytes now, and had %d", r.Size(), d.object.Size)
	}
	w := &sink{w: io.NewOffsetWriter(f, d.done)}
	n, err := io.Copy(w, p.reader(io.LimitReader(r, d.object.Size-d.done)))
	d.done += n
	if err == nil && d.done < d.object.Size {
		err = io.ErrUnexpectedEOF
	}
	if w.err != nil { // such as a full disk, which is nothing to try again
		return final(w.err)
	}
	p.moved = err != nil && n > 0
	return err
}

// sink remembers that writing, not reading, failed.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	n, s.err = s.w.Write(p)
	return n, s.err
}

// check compares the digest, where storage knows it.
func (d *download) check(o *objects.Object, f *os.File) error {
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, d.done))
	if err != nil {
		return final(err)
	}
	return checkDigest(o, n, [sha256.Size]byte(h.Sum(nil)))
}
