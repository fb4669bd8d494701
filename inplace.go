package advparams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"

	"github.com/advparams/advparams/internal/filelock"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/seal"
)

// journalSuffix is added to the name of a model whose files are being changed in place.
// The journal holds the key for as long as that takes: a file that is sealed by half is of
// no use without. Whoever works on the model next goes on from there.
const journalSuffix = ".advparams-journal"

// ErrBusy means that another process is changing the files of a model.
var ErrBusy = errors.New("another process is changing this model in place")

// inPlace are the files of a model that are changed in place.
type inPlace struct {
	model   string // path
	journal *os.File
	files   []*os.File
	change  seal.InPlace
}

// writeInPlace seals the files of the model themselves. The key is written before the
// first of them is touched.
func (s *sealing) writeInPlace(secret *seal.Key, recipients []age.Recipient, p *Protection) error {
	record, err := s.m.DigestSealed(s.ctx, secret, s.plan.Ranges, s.see.bytes("computing digests", sizeOf(s.m)))
	if err != nil {
		return err
	}
	in, err := openInPlace(s.Model, record, false)
	if err != nil {
		return err
	}
	defer in.close()
	in.change.Done = s.see.bytes("sealing", sizeOf(s.m))
	out := newOutputs(s.ctx, ofModel, false)
	defer out.close()
	if err := s.writeKey(s.ctx, out, record, recipients, p); err != nil {
		return err
	}
	s.m.Close() // where mapped files cannot be written
	return in.run(s.ctx, record)
}

// unlockInPlace unseals the files of a locked model themselves. It reports false if the
// record has more to do than that; then nothing has happened. Before anything is changed,
// it makes sure that the original will come out.
func unlockInPlace(ctx context.Context, locked string, record *onnxio.Record, see observer) (done bool, err error) {
	if !record.InPlace() {
		return false, nil
	}
	err = onnxio.CheckRestore(ctx, locked, record, see.bytes("checking", workBytes(record)))
	if err != nil {
		return false, err
	}
	in, err := openInPlace(locked, record, true)
	if err != nil {
		return false, err
	}
	defer in.close()
	in.change.Done = see.bytes("unlocking", lockedBytes(record))
	return true, in.run(ctx, record)
}

// lockedBytes returns how many bytes the files of a locked model have.
func lockedBytes(record *onnxio.Record) (size int64) {
	for _, f := range record.Files {
		size += f.LockedSize
	}
	return size
}

// workBytes returns how many bytes onnxio.Restore goes through, about.
func workBytes(record *onnxio.Record) int64 {
	if len(record.Steps) > 0 {
		return lockedBytes(record)
	}
	return 2 * lockedBytes(record)
}

// openInPlace opens the files of a record for reading and writing, and makes a journal.
func openInPlace(model string, record *onnxio.Record, unseal bool) (_ *inPlace, err error) {
	in := &inPlace{model: model}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	in.journal, err = os.OpenFile(model+journalSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s: %w", model, ErrBusy)
	}
	if err == nil {
		err = in.own()
	}
	if err == nil {
		err = in.open(record, unseal)
	}
	if err != nil {
		in.remove()
		return nil, err
	}
	return in, nil
}

// own locks the journal against other processes. The process that had it before may have
// removed it, so that it is not the one that others would find.
func (in *inPlace) own() error {
	if err := filelock.Try(in.journal); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("%s: %w", in.model, ErrBusy)
	}
	locked, err := in.journal.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(in.journal.Name())
	if err != nil || !os.SameFile(locked, there) {
		return fmt.Errorf("%s: %w", in.model, ErrBusy)
	}
	return nil
}

func (in *inPlace) open(record *onnxio.Record, unseal bool) (err error) {
	step := record.Steps[0].Keystream
	in.change = seal.InPlace{Key: &step.Key, Unseal: unseal, Ranges: make([][]seal.Range, len(record.Files))}
	for _, r := range step.Ranges {
		in.change.Ranges[r.File] = append(in.change.Ranges[r.File], r.Range)
	}
	if in.files, err = onnxio.OpenInPlace(in.model, record); err != nil {
		return err
	}
	for i, f := range in.files {
		in.change.Files = append(in.change.Files, f)
		in.change.Sizes = append(in.change.Sizes, record.Files[i].LockedSize)
	}
	return nil
}

// run changes the files, and removes the journal when all of them are on disk.
func (in *inPlace) run(ctx context.Context, record *onnxio.Record) error {
	var state bytes.Buffer
	if err := key.WritePlain(&state, &key.Key{Record: *record}); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(in.model)); err != nil { // the journal has to be found
		return err
	}
	if err := in.change.Start(ctx, in.journal, state.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", in.model, err)
	}
	return in.remove()
}

// remove removes the journal: nothing is left to do. Should it be there again after a loss of
// power, the files are found whole, and it is removed once more.
func (in *inPlace) remove() error {
	if in.journal == nil {
		return nil
	}
	if err := os.Remove(in.journal.Name()); err != nil {
		return err
	}
	_ = syncFolder(filepath.Dir(in.model))
	return nil
}

func (in *inPlace) close() {
	for _, f := range in.files {
		f.Close()
	}
	if in.journal != nil {
		in.journal.Close()
	}
}

// finishInterrupted goes on with a change in place of a model that was interrupted. If
// there is none, it does nothing.
func finishInterrupted(ctx context.Context, model string) (err error) {
	in := &inPlace{model: model}
	in.journal, err = os.OpenFile(model+journalSuffix, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.close()
	if err := in.own(); err != nil {
		return err
	}
	state, unseal, err := seal.ReadJournal(in.journal)
	if errors.Is(err, seal.ErrJournal) {
		return in.remove() // it ended before anything was changed
	}
	if err != nil {
		return err
	}
	if err := in.resume(ctx, state, unseal); err != nil {
		return fmt.Errorf("going on with %s: %w", in.journal.Name(), err)
	}
	return in.remove()
}

// resume goes on with a change from the state in the journal. If the files are whole,
// somebody has put them back, and they are left alone.
func (in *inPlace) resume(ctx context.Context, state []byte, unseal bool) error {
	k, err := key.Read(bytes.NewReader(state))
	if err != nil {
		return err
	}
	if !k.Record.InPlace() {
		return errors.New("it is of another kind of lock")
	}
	original, locked, err := k.Record.Compare(in.model)
	if err != nil || original || locked {
		return err
	}
	if err := in.open(&k.Record, unseal); err != nil {
		return err
	}
	if err := in.change.Resume(ctx, in.journal); err != nil {
		return err
	}
	if original, locked, err = k.Record.Compare(in.model); err == nil && !original && !locked {
		err = fmt.Errorf("%s %w", in.model, ErrMismatch)
	}
	return err
}

// syncFolder makes what happened to the names in a folder durable.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // where folders cannot be written through
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return flush(f)
}
