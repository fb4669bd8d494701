package onnxio

import (
	"errors"
	"fmt"
	"math"
	"path"
	"path/filepath"
	"strings"
)

// ErrRecord is wrapped by RecordError, and by Restore when a record does not lead back
// to the original it describes.
var ErrRecord = errors.New("the record of changes is damaged")

// RecordError means that a Record contradicts itself.
type RecordError struct{ Reason error }

func (e *RecordError) Error() string { return fmt.Sprintf("%v: %v", ErrRecord, e.Reason) }

// Unwrap returns ErrRecord and Reason.
func (e *RecordError) Unwrap() []error { return []error{ErrRecord, e.Reason} }

// Validate returns the first contradiction in r, as a *RecordError: a name outside the
// model's folder, a change beyond its file, changes that overlap, positions or splices
// out of order, sizes that do not add up. Records come from key files, which may be
// damaged or made up. Restore does the same checks.
func (r *Record) Validate() error {
	if err := r.check(); err != nil {
		return err
	}
	for _, s := range r.steps() {
		for i, c := range changesByFile(len(r.Files), s.Patches, s.Splices) {
			if at, found := c.overlap(); found {
				return overlapError(&r.Files[i], at)
			}
		}
	}
	return nil
}

func overlapError(f *FileRecord, at int64) error {
	return &RecordError{fmt.Errorf("file %q: two changes overlap at byte %d", f.LockedName, at)}
}

// check does all of Validate but to look for changes that overlap.
func (r *Record) check() error {
	if err := r.contradiction(); err != nil {
		return &RecordError{err}
	}
	return nil
}

func (r *Record) contradiction() error {
	if err := validateFiles(r.Files); err != nil {
		return err
	}
	if len(r.Steps) > 0 && len(r.Patches)+len(r.Splices) > 0 {
		return errors.New("patches or splices beside steps")
	}
	state := make([]Result, len(r.Files)) // of files, between steps
	for i, f := range r.Files {
		state[i] = Result{i, f.LockedSize, f.LockedSHA256}
	}
	for i, s := range r.steps() {
		if err := s.validate(r.Files, state); err != nil {
			if len(r.Steps) > 0 {
				err = fmt.Errorf("step %d: %w", i, err)
			}
			return err
		}
	}
	for i, f := range r.Files {
		switch {
		case f.Size != state[i].Size:
			return fmt.Errorf("file %q: %d bytes after the last step and %d original", f.LockedName, state[i].Size, f.Size)
		case f.SHA256 != state[i].SHA256:
			return fmt.Errorf("file %q: its digest after the last step is not that of the original", f.LockedName)
		}
	}
	return nil
}

func validateFiles(files []FileRecord) error {
	if len(files) == 0 {
		return errors.New("no file is recorded")
	}
	originals, locked := map[string]bool{}, map[string]bool{}
	for i := range files {
		f := &files[i]
		if f.Size < 0 || f.LockedSize < 0 {
			return fmt.Errorf("file %q: its size is negative", f.Name)
		}
		if err := claim(originals, f.Name, i > 0); err != nil {
			return err
		}
		if err := claim(locked, f.LockedName, i > 0); err != nil {
			return err
		}
	}
	return nil
}

// claim adds a file name to those taken. Restore writes to these names, so that one
// that leads out of the model's folder is refused. The names of data files are also
// locations in a model.
func claim(taken map[string]bool, name string, location bool) error {
	clean := path.Clean(name)
	switch {
	case clean == "." || strings.ContainsRune(name, 0) || !filepath.IsLocal(filepath.FromSlash(name)):
		return fmt.Errorf("%q does not name a file in the model's folder", name)
	case taken[clean]:
		return fmt.Errorf("two files are called %q", name)
	}
	taken[clean] = true
	if location {
		return checkLocation(name)
	}
	return nil
}

// validatePatch checks p against the size of the locked file it is for.
func validatePatch(p *TensorPatch, size int64) error {
	switch {
	case p.Width != 1 && p.Width != 2 && p.Width != 4 && p.Width != 8:
		return fmt.Errorf("elements of %d bytes; 1, 2, 4 and 8 are possible", p.Width)
	case p.Stride < p.Width || p.Stride > math.MaxInt32:
		return fmt.Errorf("a stride of %d bytes for elements of %d", p.Stride, p.Width)
	case p.Flip == 0 && (len(p.Original)%p.Width != 0 || p.Indices.Len() != len(p.Original)/p.Width):
		return fmt.Errorf("%d bytes of original values for %d elements of %d bytes", len(p.Original), p.Indices.Len(), p.Width)
	case p.Flip != 0 && len(p.Original) != 0:
		return fmt.Errorf("%d bytes of original values beside bits to turn over", len(p.Original))
	case p.Flip>>(8*p.Width-1)>>1 != 0:
		return fmt.Errorf("bits to turn over, %#x, do not fit %d bytes", p.Flip, p.Width)
	case p.Offset < 0 || p.Offset > size:
		return fmt.Errorf("offset %d in a file of %d bytes", p.Offset, size)
	}
	previous := int64(-1)
	for index := range p.Indices.All() {
		if index <= previous {
			return fmt.Errorf("position %d follows position %d", index, previous)
		}
		previous = index
	}
	// Of ascending positions only the last can lie beyond the file. Dividing
	// instead of multiplying cannot overflow.
	room := size - p.Offset - int64(p.Width)
	if previous >= 0 && (room < 0 || previous > room/int64(p.Stride)) {
		return fmt.Errorf("position %d lies beyond the end of the file", previous)
	}
	return nil
}

// validateSplices checks the splices and returns by how many bytes they make each
// file longer.
func validateSplices(splices []Splice, files []FileRecord, state []Result) (grown []int64, err error) {
	grown = make([]int64, len(files))
	end := make([]int64, len(files))
	for i := range splices {
		s := &splices[i]
		if s.File < 0 || s.File >= len(files) {
			return nil, fmt.Errorf("splice %d: there is no file %d", i, s.File)
		}
		name, size := files[s.File].LockedName, state[s.File].Size
		switch {
		case s.Offset < 0 || s.Offset > size || s.Length < 0 || s.Length > size-s.Offset:
			return nil, fmt.Errorf("splice %d: %d bytes at %d lie beyond the end of file %q", i, s.Length, s.Offset, name)
		case s.Offset < end[s.File]:
			return nil, fmt.Errorf("splice %d: byte %d of file %q is before the end of the previous splice", i, s.Offset, name)
		}
		end[s.File] = s.Offset + s.Length
		grown[s.File] += int64(len(s.Original)) - s.Length
	}
	return grown, nil
}
