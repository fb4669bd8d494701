package batch

import (
	"errors"
	"fmt"
	"time"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// Errors say what is wrong. Those that have a method Hint also say what to do
// about it, in terms of the manifest.

// ErrManifest is wrapped by the errors of Load and Plan that are mistakes in the
// manifest.
var ErrManifest = errors.New("manifest")

// ManifestError is a mistake in a manifest. It wraps ErrManifest.
type ManifestError struct {
	Manifest string // name of the file
	Err      error  // names lines
}

func (e *ManifestError) Error() string {
	return fmt.Sprintf("%v %s: %v", ErrManifest, e.Manifest, e.Err)
}
func (e *ManifestError) Unwrap() []error { return []error{ErrManifest, e.Err} }

// Hint returns what to do about the mistake.
func (e *ManifestError) Hint() string {
	if advice := hint.Of(e.Err); advice != "" {
		return advice
	}
	return "docs/batch.md shows what a manifest looks like"
}

// ShardError says that a shard cannot be made out, from text or from the environment.
type ShardError struct {
	Err    error
	advice string // "" for one from text
}

func (e *ShardError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *ShardError) Unwrap() error { return e.Err }

// Hint returns what to do about the environment; "" for a shard from text.
func (e *ShardError) Hint() string { return e.advice }

// TimeoutError says that a model took longer than its timeout.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("not done after %v", e.After) }

// Hint returns what to do about it.
func (e *TimeoutError) Hint() string { return "raise the model's timeout in the manifest" }

// KilledError says that a step was killed by something other than the batch.
type KilledError struct{}

func (e *KilledError) Error() string { return "killed, perhaps because memory ran out" }

// Hint returns what to do about it.
func (e *KilledError) Hint() string { return "give the model's memory in the manifest" }

// OutputExistsError says that an output is there and that no earlier run wrote it
// for this model. It wraps atomicfile.ErrExists.
type OutputExistsError struct{ Path string }

func (e *OutputExistsError) Error() string {
	return fmt.Sprintf("%s %v and is not of an earlier run for this model", e.Path, atomicfile.ErrExists)
}
func (e *OutputExistsError) Unwrap() error { return atomicfile.ErrExists }

// Hint returns what to do about it.
func (e *OutputExistsError) Hint() string { return "choose another output in the manifest" }

// CacheSizeError says that the data of one step is larger than the cache.
type CacheSizeError struct {
	URL         string // of one of the data sets
	Need, Limit Size
}

func (e *CacheSizeError) Error() string {
	return fmt.Sprintf("the data, such as %s, takes %v, more than the %v for copies", e.URL, e.Need, e.Limit)
}

// Hint returns what to do about it.
func (e *CacheSizeError) Hint() string { return "take a smaller data set" }

// advised is an error with what to do about it.
type advised struct {
	error
	hint string
}

func (e *advised) Unwrap() error { return e.error }
func (e *advised) Hint() string  { return e.hint }

func advise(err error, hint string) error { return &advised{err, hint} }

// errNoStore says that something is at a URL and there is no Store.
func errNoStore(url string) error {
	return fmt.Errorf("%s is in object storage, which this run does not have", url)
}
