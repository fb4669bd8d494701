package main

import (
	"crypto/sha256"
	"io"
	"os"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/verify"
)

// addFiles puts the files that were looked at into the report.
func (v *verification) addFiles(m *modelSet) error {
	if v.page == "" {
		return nil
	}
	for _, one := range []struct {
		role  string
		model *onnxio.Model
	}{{"original", m.original}, {"locked", m.locked}, {"unlocked", m.unlocked}} {
		if one.model == nil {
			continue
		}
		for i, f := range one.model.Files() {
			sum, err := digest(f.Path)
			if err != nil {
				return err
			}
			role := one.role
			if i > 0 {
				role += ", data"
			}
			v.report.Files = append(v.report.Files, verify.File{Role: role, Name: f.Name, Size: f.Size, SHA256: sum})
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
