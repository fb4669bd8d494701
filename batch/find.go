package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// storeError is an error of object storage, not of the manifest.
type storeError struct{ error }

func (e *storeError) Unwrap() error { return e.error }

// finder finds models in files and object storage.
type finder struct {
	ctx   context.Context
	store objects.Store    // may be nil
	sizes map[string]int64 // of the objects listed so far, by URL
}

// list returns the URLs that begin with prefix.
func (f *finder) list(prefix string) ([]string, error) {
	if f.store == nil {
		return nil, &storeError{errNoStore(prefix)}
	}
	list, err := f.store.List(f.ctx, prefix)
	if err != nil {
		return nil, &storeError{err}
	}
	if f.sizes == nil {
		f.sizes = map[string]int64{}
	}
	var urls []string
	for _, o := range list {
		f.sizes[o.URL] = o.Size
		urls = append(urls, o.URL)
	}
	return urls, nil
}

// metas are the characters that make a path a pattern.
const metas = "*?[{"

func hasMeta(pattern string) bool { return strings.ContainsAny(pattern, metas) }

// maxAlternatives bounds the patterns without braces that a pattern with braces stands
// for. Each of them is looked for.
const maxAlternatives = 1000

// alternatives returns that number: {a,b}{c,d,{e,f}} stands for 8 patterns.
func alternatives(pattern string) float64 {
	type group struct{ before, sum float64 }
	var open []group
	n := 1.0 // of the innermost alternative so far
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '{':
			open = append(open, group{before: n})
			n = 1
		case c == ',' && len(open) > 0:
			open[len(open)-1].sum += n
			n = 1
		case c == '}' && len(open) > 0:
			g := open[len(open)-1]
			open = open[:len(open)-1]
			n = math.Min(g.before*(g.sum+n), math.MaxFloat64)
		}
	}
	return n
}

// matches returns the files or objects that a pattern matches.
func (f *finder) matches(pattern string) ([]string, error) {
	if !objects.IsURL(pattern) {
		return f.glob(pattern)
	}
	if !doublestar.ValidatePattern(pattern) {
		return nil, doublestar.ErrBadPattern
	}
	literal := pattern[:strings.IndexAny(pattern, metas)]
	if bucket, _ := objects.Split(literal); len(literal) <= len(bucket) {
		return nil, errors.New("the name of a bucket cannot be a pattern")
	}
	list, err := f.list(literal)
	if err == nil && !strings.HasSuffix(literal, "/") {
		// The list lacks the records beside the objects in it.
		_, err = f.list(objects.Join(objects.Dir(literal), StateFolder) + "/")
	}
	return slices.DeleteFunc(list, func(url string) bool {
		return !doublestar.MatchUnvalidated(pattern, url) || objects.Check(url) != nil
	}), err
}

// glob returns the files that a pattern matches. It follows no symbolic link to a
// folder that the pattern does not name, so it ends.
func (f *finder) glob(pattern string) ([]string, error) {
	base, rest := doublestar.SplitPattern(filepath.ToSlash(filepath.Clean(pattern)))
	files := &bounded{f.ctx, os.DirFS(base), maxEntries}
	list, err := doublestar.Glob(files, rest, doublestar.WithFilesOnly(), doublestar.WithNoFollow(), doublestar.WithFailOnIOErrors())
	return each(list, func(name string) string { return filepath.Join(base, filepath.FromSlash(name)) }), err
}

// maxEntries bounds the files and folders that a pattern is compared with.
const maxEntries = 10_000_000

// bounded is a file system in which a search ends. Folders that cannot be read are
// empty.
type bounded struct {
	ctx   context.Context
	files fs.FS
	left  int // files and folders that may still be looked at
}

// end returns the error that ends the search, after n more files.
func (b *bounded) end(n int) error {
	if b.left -= n; b.left < 0 {
		return fmt.Errorf("there are more than %d files to compare with", maxEntries)
	}
	return b.ctx.Err()
}

func (b *bounded) Open(name string) (fs.File, error) { return b.files.Open(name) }

func (b *bounded) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := fs.ReadDir(b.files, name)
	if end := b.end(len(list) + 1); end != nil {
		return nil, end
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

func (b *bounded) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(b.files, name)
	if end := b.end(1); end != nil {
		return nil, end
	}
	if err != nil {
		err = fs.ErrNotExist
	}
	return info, err
}

// written reports whether a file or an object that a pattern matches is of an earlier
// run: an output, or something on its way. Were it taken for a model, each run would
// lock what the run before has locked.
func (f *finder) written(path string) bool {
	dir, base := dirOf(path), baseOf(path)
	if slices.Contains(strings.Split(filepath.ToSlash(path), "/"), StateFolder) || atomicfile.IsTemporary(base) {
		return true
	}
	record := joined(dir, StateFolder+"/"+base+".json")
	if objects.IsURL(path) {
		_, there := f.sizes[record]
		return there
	}
	_, err := os.Lstat(record)
	return err == nil
}

// size estimates the size of a model in bytes without opening it. It adds the model
// file and the external data that common exporters name after the model.
func (f *finder) size(model string) int64 {
	var sum int64
	for _, suffix := range []string{"", ".data", "_data"} {
		if objects.IsURL(model) {
			sum += f.sizes[model+suffix]
			continue
		}
		if info, err := os.Stat(model + suffix); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
	}
	return sum
}
