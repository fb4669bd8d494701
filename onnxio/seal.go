package onnxio

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/seal"
)

// A ChecksumError means that a model cannot be sealed in place, since it gives the checksum
// of a data file, which has to change with it.
type ChecksumError struct{ Path string }

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s has a checksum in the model, which sealing in place cannot change", e.Path)
}

// Hint says what to do.
func (e *ChecksumError) Hint() string { return "write the locked model to another file" }

// Seal writes to dst a model in which the ranges are sealed with a key, and returns what
// Restore needs to undo it. The files belong to out and go where those of Rewrite do.
// Memory does not depend on how large they are: they are read, sealed by several goroutines
// and written in one go. Of each range, the first and the last block are then read, unsealed
// and compared with the original.
//
// Ranges are those that a Keystream may have, lists are sealed besides. done, if it is not nil, is told how many
// bytes of the original have been gone through.
func (m *Model) Seal(ctx context.Context, out *atomicfile.Set, dst string, key *seal.Key, ranges []SealedRange, done func(n int64), lists ...SealedList) (_ *Record, err error) {
	defer Faults(&err)()
	if err := m.checkDataNames(); err != nil {
		return nil, err
	}
	s := &sealer{m: m, ctx: ctx, out: out, dst: dst, done: done}
	if s.rec, err = s.record(key, ranges, lists); err != nil {
		return nil, err
	}
	back := s.rec.stages()
	// The model is created before its data (atomicfile.Set), and written after it.
	files := make([]*atomicfile.File, len(m.files))
	for i := range m.files {
		if files[i], err = s.create(i); err != nil {
			return nil, err
		}
	}
	if err := s.writeAll(files, back); err != nil {
		return nil, err
	}
	s.fill()
	if err := s.rec.check(); err != nil {
		return nil, err
	}
	return s.rec, nil
}

// DigestSealed returns what Seal returns for the model's own file as dst, and writes
// nothing. With it, the files can be sealed in place (seal.InPlace).
func (m *Model) DigestSealed(ctx context.Context, key *seal.Key, ranges []SealedRange, done func(n int64)) (_ *Record, err error) {
	defer Faults(&err)()
	if err := m.checkDataNames(); err != nil {
		return nil, err
	}
	s := &sealer{m: m, ctx: ctx, dst: m.path, done: done}
	if s.rec, err = s.record(key, ranges, nil); err != nil {
		return nil, err
	}
	if len(s.sums) > 0 {
		return nil, &ChecksumError{m.files[s.sums[0].file].Path}
	}
	for i := range m.files {
		if err := s.digest(i); err != nil {
			return nil, err
		}
	}
	s.fill()
	if err := s.rec.check(); err != nil {
		return nil, err
	}
	return s.rec, nil
}

// sealer is one run of Seal.
type sealer struct {
	m    *Model
	ctx  context.Context
	out  *atomicfile.Set
	dst  string
	done func(n int64)

	rec     *Record
	layout  []place
	sums    []checksum
	forward [][]stage // by file
	results [][]Result
}

// record returns the record as far as it is known before anything is sealed: all but
// digests. It also finds out what is to be done to each file.
func (s *sealer) record(key *seal.Key, ranges []SealedRange, lists []SealedList) (*Record, error) {
	m := s.m
	rec := &Record{}
	state := make([]Result, len(m.files))
	for i, f := range m.files {
		rec.Files = append(rec.Files, FileRecord{Name: f.Name, LockedName: f.Name, Size: f.Size, LockedSize: f.Size})
		state[i] = Result{File: i, Size: f.Size}
	}
	stream := &Keystream{Key: *key, Ranges: ranges}
	if err := stream.validate(rec.Files, state); err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	byFile := stream.byFile(len(m.files))
	changed := make([]bool, len(m.files))
	for i := range m.files {
		changed[i] = len(byFile[i]) > 0
	}
	do, undo, err := m.sealLists(key, lists)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	if s.layout, err = m.layout(s.dst, changed); err != nil {
		return nil, err
	}
	var pieces []piece
	if pieces, s.sums, err = m.refer(s.layout, changed); err != nil {
		return nil, err
	}
	s.forward, s.results = make([][]stage, len(m.files)), make([][]Result, len(m.files))
	unseal := Step{Keystream: stream}
	for i := range m.files {
		rec.Files[i].LockedName = s.layout[i].name
		if changed[i] {
			s.forward[i] = append(s.forward[i], stage{key: key, ranges: byFile[i], seal: true})
			unseal.Results = append(unseal.Results, Result{File: i, Size: m.files[i].Size})
		}
	}
	if len(pieces)+len(do) > 0 {
		refer := stage{changes: changes{patches: do, splices: pieces}}
		s.forward[0] = append(s.forward[0], refer)
		rec.Files[0].LockedSize = refer.after(m.files[0].Size)
		back := Step{Results: []Result{{Size: m.files[0].Size}}}
		moved := shiftBy(pieces)
		for _, p := range pieces {
			back.Splices = append(back.Splices, Splice{
				Offset: moved.to(p.at), Length: int64(len(p.data)), Original: slices.Clone(m.files[0].data[p.at:p.end()]),
			})
		}
		for i := range undo {
			undo[i].Offset = moved.to(undo[i].Offset)
		}
		back.Patches = undo
		rec.Steps = append(rec.Steps, back)
	}
	if len(ranges) > 0 {
		rec.Steps = append(rec.Steps, unseal)
	}
	for i := range s.forward {
		if len(s.forward[i]) == 0 {
			s.forward[i] = []stage{{}} // the file as it is
		}
	}
	return rec, nil
}

// create creates file i; it returns nil if that of the original is shared.
func (s *sealer) create(i int) (*atomicfile.File, error) {
	switch path := s.layout[i].path; {
	case path == "":
		return nil, nil
	case i == 0:
		return s.out.CreateLike(path, s.m.files[0].info)
	}
	return s.out.CreateBelow(filepath.Dir(s.dst), s.layout[i].name, s.m.files[i].info.Mode().Perm())
}

// writeAll writes the files, the last one first. While the next one is sealed, what was
// written of one comes to the disk.
func (s *sealer) writeAll(files []*atomicfile.File, back [][]stage) (err error) {
	var closing errgroup.Group
	closing.SetLimit(2)
	for i := len(files) - 1; i >= 0 && err == nil; i-- {
		if err = s.write(i, files[i], back[i]); err == nil && files[i] != nil {
			closing.Go(files[i].Close)
		}
	}
	return cmp.Or(err, closing.Wait())
}

// write writes file i, and makes sure that it leads back to the original.
func (s *sealer) write(i int, f *atomicfile.File, back []stage) error {
	if f == nil {
		return s.digest(i)
	}
	m, path := s.m, s.layout[i].path
	src, err := m.reopen(i)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := s.run(i, src, f); err != nil {
		return fmt.Errorf("copying %s to %s: %w", m.files[i].Path, path, err)
	}
	if err := s.confirm(i, src, f, back); err != nil {
		return fmt.Errorf("checking %s: %w", path, err)
	}
	return m.renew(s.sums, i, f, s.rec.Files[i].LockedSize)
}

// digest finds out the digests of file i.
func (s *sealer) digest(i int) error {
	src, err := s.m.reopen(i)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := s.run(i, src, io.Discard); err != nil {
		return fmt.Errorf("reading %s: %w", s.m.files[i].Path, err)
	}
	return nil
}

// run writes file i, read from src, to w as it will be, and notes the digests of all its
// states.
func (s *sealer) run(i int, src *os.File, w io.Writer) (err error) {
	size := s.m.files[i].Size
	s.results[i], err = runStages(s.ctx, w, s.counted(src), size, s.forward[i])
	return err
}

// confirm reads the first and the last block of each range that was written, and unseals
// them: they have to be those of the original. The blocks between them differ in nothing but
// their number. back are the stages from the written file to the original.
func (s *sealer) confirm(i int, original, written io.ReaderAt, back []stage) error {
	last := back[len(back)-1]
	if last.key == nil {
		return nil
	}
	var pieces []piece
	if len(back) > 1 {
		pieces = s.forward[i][len(s.forward[i])-1].splices
	}
	moved := shiftBy(pieces)
	for _, r := range last.ranges {
		c, err := last.key.Cipher(r.Tensor)
		if err != nil {
			return err
		}
		block := int64(seal.BlockLen * r.Tensor.Kind.Width())
		parts := [][2]int64{{0, min(block, r.Length)}, {(r.Length - 1) / block * block, r.Length}}
		if r.Varints {
			parts = [][2]int64{{0, r.Length}}
		}
		for _, p := range parts {
			if p[0] == p[1] {
				continue
			}
			data := make([]byte, p[1]-p[0])
			if _, err := written.ReadAt(data, moved.to(r.Offset)+p[0]); err != nil {
				return short(err)
			}
			if r.Varints {
				err = c.UnsealVarints(data)
			} else {
				c.Unseal(data, p[0]/int64(r.Tensor.Kind.Width()), 1)
			}
			if err != nil {
				return err
			}
			// Not from the mapping: of each block the system would map two megabytes.
			was := make([]byte, len(data))
			if _, err := original.ReadAt(was, r.Offset+p[0]); err != nil {
				return short(err)
			}
			if !bytes.Equal(data, was) {
				return errors.New("unsealing it does not give the original")
			}
		}
	}
	return nil
}

// counted reads from f and tells done.
func (s *sealer) counted(f *os.File) io.ReaderAt {
	if s.done == nil {
		return f
	}
	return readerAtFunc(func(p []byte, at int64) (int, error) {
		n, err := f.ReadAt(p, at)
		s.done(int64(n))
		return n, err
	})
}

// fill puts the digests into the record.
func (s *sealer) fill() {
	for i, states := range s.results {
		f := &s.rec.Files[i]
		f.SHA256, f.LockedSHA256 = states[0].SHA256, states[len(states)-1].SHA256
	}
	for k := range s.rec.Steps {
		step := &s.rec.Steps[k]
		for j := range step.Results {
			to := &step.Results[j]
			// From the last state of a file, each step goes one back.
			states := s.results[to.File]
			if step.Keystream == nil {
				states = states[:len(states)-1]
			} else {
				states = states[:1]
			}
			to.SHA256 = states[len(states)-1].SHA256
		}
	}
}
