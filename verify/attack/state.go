package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/internal/guard"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// state is the file with the results of finished attacks.
type state struct {
	path string

	Version     int    `json:"version"`
	Fingerprint string `json:"fingerprint"` // of model, test set and options
	// Runs has results by a fingerprint of the attacker's samples, so that one file keeps
	// those of attackers with more and with less data.
	Runs map[string][]Result `json:"runs"`

	samples string // of this run
}

const stateVersion = 2 // results have controls

// maxState bounds the size of the file, in bytes. A finished run takes some kilobytes.
const maxState = 16 << 20

// openState reads the state file, if there is one. If path is "", results are not kept.
func openState(path, fingerprint, samples string) (*state, error) {
	s := &state{path: path, Version: stateVersion, Fingerprint: fingerprint, Runs: map[string][]Result{}, samples: samples}
	if path == "" {
		return s, nil
	}
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	data, err := guard.Read(folder, filepath.Base(path), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	var found state
	if err := json.Unmarshal(data, &found); err != nil || found.Version != stateVersion {
		return nil, &StateError{path, false}
	}
	if found.Fingerprint != fingerprint {
		return nil, &StateError{path, true}
	}
	if found.Runs != nil {
		s.Runs = found.Runs
	}
	return s, nil
}

// result returns the result of a finished attack.
func (s *state) result(name string) (Result, bool) {
	for _, r := range s.Runs[s.samples] {
		if r.Name == name {
			return r, true
		}
	}
	return Result{}, false
}

// add adds a finished attack and replaces the file as a whole.
func (s *state) add(r Result) error {
	s.Runs[s.samples] = append(s.Runs[s.samples], r)
	if s.path == "" {
		return nil
	}
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	out := atomicfile.Set{Force: true}
	defer out.Abort()
	f, err := out.Create(s.path)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("cannot write %s: %w", s.path, err)
	}
	return out.Commit()
}
