package advparams

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"

	"github.com/advparams/advparams/onnxio"
)

// open opens the models and checks them against the key.
func (v *verifier) open(ctx context.Context) (err error) {
	if v.opt.Key.given() {
		if err := v.unlock(ctx); err != nil {
			return err
		}
	}
	if v.opt.Original != "" {
		if v.original, err = onnxio.Open(v.opt.Original); err != nil {
			return err
		}
		if err := v.compareOriginal(); err != nil {
			return err
		}
	}
	if v.locked, err = onnxio.Open(v.opt.Locked); err != nil {
		if v.failed == nil {
			return err
		}
		v.see.Notify(NoticeUnreadable, "the locked model cannot be measured: %v", err)
	}
	return nil
}

// unlock opens the key and restores the original into a temporary folder.
func (v *verifier) unlock(ctx context.Context) error {
	k, err := v.opt.Key.load()
	if err != nil {
		return err
	}
	adopt(&v.opt.Data, k.Summary, v.see)
	v.record = &k.Record
	v.report.WithKey = true
	v.profile = k.Summary.Profile
	v.report.Parameters, v.report.Changed = k.Summary.Parameters, k.Summary.Changed
	defer v.timed("unlocking and comparing digests")()
	v.restored, err = unlockTemporarily(ctx, v.opt.Locked, v.record)
	if errors.Is(err, ErrMismatch) {
		v.report.Tampered, v.failed = true, err
		return nil
	}
	if err != nil {
		return err
	}
	v.report.BitExact = true // Restore has compared the digests
	v.unlocked, err = onnxio.Open(v.restored.path)
	return err
}

// compareOriginal compares the original with the digests in the key.
func (v *verifier) compareOriginal() error {
	if v.record == nil {
		return nil
	}
	files := v.original.Files()
	equal := len(files) == len(v.record.Files)
	for i := 0; equal && i < len(files); i++ {
		sum, err := digest(files[i].Path)
		if err != nil {
			return err
		}
		equal = sum == v.record.Files[i].SHA256
	}
	if !equal {
		v.report.BitExact = false
		if v.failed == nil {
			v.failed = &NotOriginalError{Original: v.opt.Original, Locked: v.opt.Locked, Digests: true}
		}
	}
	return nil
}

// addFiles adds the files that were looked at.
func (v *verifier) addFiles() error {
	for _, one := range []struct {
		role  string
		model *onnxio.Model
	}{{"original", v.original}, {"locked", v.locked}, {"unlocked", v.unlocked}} {
		if one.model == nil {
			continue
		}
		if err := addFiles(v.seen, one.role, one.model); err != nil {
			return err
		}
	}
	return nil
}

// digest returns the SHA-256 of a file.
func digest(path string) (sum [32]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}
