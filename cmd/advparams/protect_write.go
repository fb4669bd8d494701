package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"filippo.io/age"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
)

// written is what protect wrote.
type written struct {
	record  *onnxio.Record
	keySize int64
	sealed  string // how the key is protected, for people
}

// write writes the locked model and its key, which appear together.
func (p *protect) write(ctx context.Context, m *onnxio.Model, found *perturb.Result, recipients []age.Recipient) (*written, error) {
	out := p.app.outputs(ctx, p.force)
	defer out.close()
	edits := make([]onnxio.Edit, len(found.Changes))
	for i, c := range found.Changes {
		edits[i] = onnxio.Edit{Tensor: c.Tensor, Index: c.Index, Bits: c.New}
	}
	path, set, err := out.place(p.locked, filepath.Base(p.model))
	if err != nil {
		return nil, err
	}
	record, err := m.Rewrite(set, path, edits)
	if err != nil {
		return nil, err
	}
	k := &key.Key{
		Record: *record, Tool: tool(), Created: now(),
		Summary: key.Summary{
			Profile: p.profile, Parameters: int64(found.Total), Changed: int64(len(found.Changes)),
			Samples: int64(found.Samples),
		},
	}
	if before, locked := accuracyIn(found.Before), accuracyIn(found.Locked); before != nil && locked != nil {
		k.Summary.Accuracy, k.Summary.LockedAccuracy = *before, *locked
	}
	if err := legible(k); err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	if len(recipients) > 0 {
		err = key.Seal(&sealed, k, recipients...)
	} else {
		err = key.WritePlain(&sealed, k)
	}
	if err != nil {
		return nil, err
	}
	w := &written{record: record, keySize: int64(sealed.Len()), sealed: p.seal.describe(len(recipients))}
	if path, set, err = out.place(p.key, "model.key"); err != nil {
		return nil, err
	}
	f, err := set.CreatePrivate(path)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(f, &sealed); err != nil {
		return nil, fmt.Errorf("writing %s: %w", p.key, err)
	}
	return w, out.commit(ctx)
}

// legible makes sure that the key can be read back. Rewrite has made sure that
// the record leads from the locked files back to the original.
func legible(k *key.Key) error {
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

func (s *sealFlags) describe(recipients int) string {
	switch {
	case s.plain:
		return "not sealed"
	case s.passphrase:
		return "sealed with a passphrase"
	case recipients == 1:
		return "sealed to 1 recipient"
	}
	return fmt.Sprintf("sealed to %d recipients", recipients)
}

// now is the time for files that name one. SOURCE_DATE_EPOCH, in seconds since
// 1970, stands in for it, so that outputs can be reproduced byte for byte.
func now() time.Time {
	if epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(epoch, 0).UTC()
	}
	return time.Now().Truncate(time.Second).UTC()
}
