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

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/internal/filelock"
	"github.com/advparams/advparams/internal/guard"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/seal"
)

// ErrBusy means that another process is changing the files of a model.
var ErrBusy = errors.New("another process is changing this model in place")

// inPlace are the files of a model that are changed in place.
//
// The journal beside the model holds the key for as long as that takes: a file that is sealed
// by half is of no use without. Whoever works on the model next goes on from there. Others may
// be able to make files beside the model: a journal of theirs would say what to change, and is
// refused.
type inPlace struct {
	model   string // path
	folder  *os.Root
	journal *os.File
	files   []*os.File
	change  seal.InPlace
}

// writeInPlace seals the files of the model themselves. The key is written before the
// first of them is touched.
func (s *sealing) writeInPlace(secret *seal.Key, recipients []age.Recipient, p *Protection) error {
	record, err := s.m.DigestSealed(s.ctx, secret, s.plan.Ranges, s.see.Bytes("computing digests", sizeOf(s.m)))
	if err != nil {
		return err
	}
	in, err := openInPlace(s.Model, record, false)
	if err != nil {
		return err
	}
	defer in.close()
	in.change.Done = s.see.Bytes("sealing", sizeOf(s.m))
	out := newOutputs(s.ctx, ofModel, false)
	defer out.close()
	if err := s.writeKey(s.ctx, out, record, recipients, p); err != nil {
		_ = in.remove() // err is why
		return err
	}
	s.m.Close() // where mapped files cannot be written
	return in.run(s.ctx, record)
}

// unlockInPlace unseals the files of a locked model themselves. It reports false if the
// record has more to do than that; then nothing has happened. Before anything is changed,
// it makes sure that the original will come out.
func unlockInPlace(ctx context.Context, locked string, record *onnxio.Record, see feedback.Observer) (done bool, err error) {
	if !record.InPlace() {
		return false, nil
	}
	err = onnxio.CheckRestore(ctx, locked, record, see.Bytes("checking", workBytes(record)))
	if err != nil {
		return false, err
	}
	in, err := openInPlace(locked, record, true)
	if err != nil {
		return false, err
	}
	defer in.close()
	in.change.Done = see.Bytes("unlocking", lockedBytes(record))
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
	if in.folder, err = os.OpenRoot(filepath.Dir(model)); err != nil {
		return nil, err
	}
	in.journal, err = in.folder.OpenFile(in.name(), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
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

// name is the name of the journal in the folder of the model.
func (in *inPlace) name() string { return filepath.Base(in.model) + onnxio.JournalSuffix }

// ours makes sure that the journal is of the user who runs this process, or of the owner of
// the model, and that nobody else can write to it.
func (in *inPlace) ours() error {
	info, err := in.journal.Stat()
	if err != nil {
		return err
	}
	model, err := in.folder.Lstat(filepath.Base(in.model))
	if err != nil {
		return err
	}
	return guard.Trusted(in.journal.Name(), info, model)
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
	there, err := in.folder.Lstat(in.name())
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

// run changes the files, and removes the journal when all of them are on disk, or when none
// has been changed.
func (in *inPlace) run(ctx context.Context, record *onnxio.Record) (err error) {
	defer func() {
		if err != nil && !seal.Begun(in.journal) {
			_ = in.remove() // err is why
		}
	}()
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
	if err := in.folder.Remove(in.name()); err != nil {
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
	if in.folder != nil {
		in.folder.Close()
	}
}

// finishInterrupted goes on with a change in place of a model that was interrupted. If
// there is none, it does nothing.
func finishInterrupted(ctx context.Context, model string) (err error) {
	if to, err := filepath.EvalSymlinks(model); err == nil {
		model = to // beside which the journal is
	}
	in := &inPlace{model: model}
	defer in.close()
	if in.folder, err = os.OpenRoot(filepath.Dir(model)); err == nil {
		in.journal, err = guard.Open(in.folder, in.name(), os.O_RDWR, 0)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = in.ours()
	}
	if err == nil {
		err = in.own()
	}
	if err != nil {
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
