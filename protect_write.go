package advparams

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"filippo.io/age"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// checkSeal makes sure that it is clear whom the key is for.
func (o *ProtectOptions) checkSeal() error {
	ways := 0
	for _, is := range []bool{len(o.Recipients) > 0, o.Passphrase != nil, o.PlainKey} {
		if is {
			ways++
		}
	}
	switch {
	case ways == 0:
		return optionf("Recipients", "nobody to seal the key for")
	case ways > 1:
		return optionf("Recipients", "Recipients, Passphrase and PlainKey exclude one another")
	}
	return nil
}

// recipients returns whom to seal the key for, nobody for a plain key. It asks for
// the passphrase.
func (o *ProtectOptions) recipients() ([]age.Recipient, error) {
	if o.Passphrase == nil {
		return o.Recipients, nil
	}
	secret, err := o.Passphrase()
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(secret)
	return []age.Recipient{r}, err
}

// probe finds out whether the files could be written.
func (o *ProtectOptions) probe() error {
	if o.Report != "" && o.ReportTo == nil {
		if err := probe(ofPage, o.Force, o.Report); err != nil {
			return err
		}
	}
	if o.LockedTo == nil {
		if err := probe(ofModel, o.Force, o.Locked); err != nil {
			return err
		}
	}
	if o.KeyTo != nil && nowhere(o.KeyTo) {
		return optionf("KeyTo", "the key would be lost: it is the null device, or closed")
	}
	if o.KeyTo != nil || o.KeepOldKey {
		return nil
	}
	set := &atomicfile.Set{}
	defer set.Abort()
	_, err := set.CreatePrivate(o.Key)
	return err
}

// nowhere reports whether what is written to w is lost. A standard output that is
// closed when a Go program starts is the null device.
func nowhere(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	null, err := os.Stat(os.DevNull)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err != nil || os.SameFile(info, null)
}

// lockTo writes a locked model to a path, with its files in a set.
type lockTo func(set *atomicfile.Set, path string) (*onnxio.Record, error)

// write writes the locked model and its key, and adds to p what it wrote.
func (o *ProtectOptions) write(ctx context.Context, lock lockTo, recipients []age.Recipient, p *Protection) error {
	out := newOutputs(ctx, ofModel, o.Force)
	defer out.close()
	path, set, err := out.place(o.Locked, o.LockedTo, filepath.Base(o.Model))
	if err != nil {
		return err
	}
	record, err := lock(set, path)
	if err != nil {
		return err
	}
	return o.writeKey(ctx, out, record, recipients, p)
}

// writeKey writes the key of a locked model, and then makes all outputs appear.
func (o *ProtectOptions) writeKey(ctx context.Context, out *outputs, record *onnxio.Record, recipients []age.Recipient, p *Protection) error {
	k := &key.Key{
		Record: *record, Tool: cmp.Or(o.Tool, tool()), Created: o.Created,
		Summary: key.Summary{
			Profile:    string(p.Profile),
			Parameters: int64(p.ParamsTotal), Changed: int64(p.ParamsChanged),
			Samples: int64(p.Samples), MadeUp: o.Data.MadeUp,
		},
	}
	if !o.Data.Preprocess.IsZero() {
		text, err := json.Marshal(o.Data.Preprocess)
		if err != nil {
			return err
		}
		k.Summary.Preprocess = string(text)
	}
	if k.Created.IsZero() {
		k.Created = time.Now().Truncate(time.Second).UTC()
	}
	if before, locked := p.Accuracy.Before, p.Accuracy.Locked; before != nil && locked != nil {
		k.Summary.Accuracy, k.Summary.LockedAccuracy = *before, *locked
	}
	if err := checkReadBack(k); err != nil {
		return err
	}
	var sealed bytes.Buffer
	var err error
	if len(recipients) > 0 {
		err = key.Seal(&sealed, k, recipients...)
	} else {
		err = key.WritePlain(&sealed, k)
	}
	if err != nil {
		return err
	}
	p.addFiles(record, int64(sealed.Len()))
	if o.KeyTo == nil && o.KeepOldKey {
		if p.OldKey, err = setAside(o.Key); err != nil {
			return err
		}
	}
	if err = out.addKey(o.Key, o.KeyTo, sealed.Bytes()); err == nil {
		err = out.commit(ctx)
	}
	if err != nil && p.OldKey != "" {
		// The old key has its name again, unless a key that is still needed has it.
		_ = os.Link(p.OldKey, o.Key)
	}
	return err
}

// setAside gives a file the first free name of path.1, path.2 … and returns it, or ""
// if there is no such file. At no time is the file without a name.
func setAside(path string) (string, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.%d", path, n)
		err := os.Link(path, name)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = os.Remove(path)
		} else if _, taken := os.Lstat(name); errors.Is(taken, fs.ErrNotExist) {
			err = os.Rename(path, name) // no hard links here
		} else {
			continue
		}
		return name, err
	}
}

// checkReadBack makes sure that the key can be read back. Rewrite has made sure that the
// record leads from the locked files back to the original.
func checkReadBack(k *key.Key) error {
	var plain bytes.Buffer
	if err := key.WritePlain(&plain, k); err != nil {
		return err
	}
	back, err := key.Read(&plain)
	if err != nil {
		return fmt.Errorf("reading the key back: %w", err)
	}
	if !reflect.DeepEqual(back.Record, k.Record) {
		return errors.New("reading the key back: it is not what was written")
	}
	return nil
}
