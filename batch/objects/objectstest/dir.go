// Package objectstest has object storage for tests. Its objects are files.
package objectstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/advparams/advparams/batch/objects"
)

// Dir is an objects.Store that keeps objects as the files <scheme>/<bucket>/<key>
// below a folder.
type Dir struct {
	Root string
	// Before, if not nil, is called before every operation. If it returns an error,
	// the operation fails with that.
	Before func(op, url string) error

	mu sync.Mutex
}

var _ objects.Store = (*Dir)(nil)

// Path returns the file of an object.
func (d *Dir) Path(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	return filepath.Join(d.Root, scheme, filepath.FromSlash(rest))
}

// begin begins an operation. The function that it returns ends it.
func (d *Dir) begin(op, url string) (func(), error) {
	if d.Before != nil {
		if err := d.Before(op, url); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	return d.mu.Unlock, nil
}

// object reads an object.
func (d *Dir) object(url string) ([]byte, objects.Object, error) {
	path := d.Path(url)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, objects.Object{}, fmt.Errorf("%s: %w", url, fs.ErrNotExist)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, objects.Object{}, err
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	return data, objects.Object{URL: url, Size: int64(len(data)), Modified: info.ModTime().UTC(), ETag: digest[:16], SHA256: digest}, nil
}

// List implements objects.Store.
func (d *Dir) List(_ context.Context, prefix string) ([]objects.Object, error) {
	end, err := d.begin("list", prefix)
	if err != nil {
		return nil, err
	}
	defer end()
	bucket, _ := objects.Split(prefix)
	root := d.Path(bucket)
	var list []objects.Object
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		url := bucket + "/" + filepath.ToSlash(rel)
		if !strings.HasPrefix(url, prefix) {
			return nil
		}
		_, o, err := d.object(url)
		o.SHA256 = "" // which real storage does not list
		list = append(list, o)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bucket %s: %w", bucket, fs.ErrNotExist)
	}
	slices.SortFunc(list, func(a, b objects.Object) int { return strings.Compare(a.URL, b.URL) })
	return list, err
}

// Stat implements objects.Store.
func (d *Dir) Stat(_ context.Context, url string) (objects.Object, error) {
	end, err := d.begin("stat", url)
	if err != nil {
		return objects.Object{}, err
	}
	defer end()
	_, o, err := d.object(url)
	return o, err
}

// Get implements objects.Store.
func (d *Dir) Get(_ context.Context, url, file string) (objects.Object, error) {
	end, err := d.begin("get", url)
	if err != nil {
		return objects.Object{}, err
	}
	defer end()
	data, o, err := d.object(url)
	if err != nil {
		return objects.Object{}, err
	}
	return o, os.WriteFile(file, data, 0o600)
}

// Put implements objects.Store.
func (d *Dir) Put(_ context.Context, url, file string, fresh bool) (objects.Object, error) {
	end, err := d.begin("put", url)
	if err != nil {
		return objects.Object{}, err
	}
	defer end()
	data, err := os.ReadFile(file)
	if err != nil {
		return objects.Object{}, err
	}
	return d.write(url, data, fresh)
}

// Read implements objects.Store.
func (d *Dir) Read(_ context.Context, url string) ([]byte, objects.Object, error) {
	end, err := d.begin("read", url)
	if err != nil {
		return nil, objects.Object{}, err
	}
	defer end()
	return d.object(url)
}

// Write implements objects.Store.
func (d *Dir) Write(_ context.Context, url string, data []byte) (objects.Object, error) {
	end, err := d.begin("write", url)
	if err != nil {
		return objects.Object{}, err
	}
	defer end()
	return d.write(url, data, false)
}

// write first writes a temporary file outside the buckets, since several processes
// may share the folder.
func (d *Dir) write(url string, data []byte, fresh bool) (objects.Object, error) {
	path := d.Path(url)
	if there, o, err := d.object(url); fresh && err == nil {
		if !bytes.Equal(there, data) {
			return objects.Object{}, fmt.Errorf("%s %w", url, objects.ErrExists)
		}
		return o, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return objects.Object{}, err
	}
	f, err := os.CreateTemp(d.Root, "put-*")
	if err != nil {
		return objects.Object{}, err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return objects.Object{}, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return objects.Object{}, err
	}
	_, o, err := d.object(url)
	return o, err
}

// Delete implements objects.Store.
func (d *Dir) Delete(_ context.Context, url string) error {
	end, err := d.begin("delete", url)
	if err != nil {
		return err
	}
	defer end()
	err = os.Remove(d.Path(url))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
