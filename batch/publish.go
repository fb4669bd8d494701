package batch

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// WriteFile creates or replaces a file about a run, which appears whole or not at all.
// It does nothing without a path.
func WriteFile(path string, text func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	out := atomicfile.Set{Force: true}
	defer out.Abort()
	f, err := out.Create(path)
	if err != nil {
		return err
	}
	if err := text(f); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return out.Commit()
}

// WriteObject is WriteFile for an object. A copy stays in the folder of OpenScratch.
func WriteObject(ctx context.Context, store objects.Store, url, scratch string, text func(io.Writer) error) error {
	copied := filepath.Join(scratch, "jobs", filepath.Base(url))
	if err := WriteFile(copied, text); err != nil {
		return err
	}
	_, err := store.Put(ctx, objects.Clean(url), copied, false)
	return err
}
