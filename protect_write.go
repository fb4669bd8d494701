package advparams

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"time"

	"filippo.io/age"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
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
	var files []string
	if o.LockedTo == nil {
		files = append(files, o.Locked)
	}
	if o.KeyTo == nil {
		files = append(files, o.Key)
	}
	return probe(o.Force, files...)
}

// write writes the locked model and its key, and adds to p what it wrote.
func (o *ProtectOptions) write(ctx context.Context, m *onnxio.Model, found *perturb.Result, recipients []age.Recipient, p *Protection) error {
	out := newOutputs(ctx, o.Force)
	defer out.close()
	path, set, err := out.place(o.Locked, o.LockedTo, filepath.Base(o.Model))
	if err != nil {
		return err
	}
	record, err := m.Rewrite(set, path, found.Edits())
	if err != nil {
		return err
	}
	k := &key.Key{
		Record: *record, Tool: cmp.Or(o.Tool, tool()), Created: o.Created,
		Summary: key.Summary{
			Profile:    string(cmp.Or(o.Profile, Minimal)),
			Parameters: int64(found.Total), Changed: int64(len(found.Changes)),
			Samples: int64(found.Samples),
		},
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
	if len(recipients) > 0 {
		err = key.Seal(&sealed, k, recipients...)
	} else {
		err = key.WritePlain(&sealed, k)
	}
	if err != nil {
		return err
	}
	p.addFiles(record, int64(sealed.Len()))
	if path, set, err = out.place(o.Key, o.KeyTo, "model.key"); err != nil {
		return err
	}
	f, err := set.CreatePrivate(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(sealed.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return out.commit(ctx)
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
