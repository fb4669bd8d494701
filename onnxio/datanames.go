package onnxio

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// DataNameError means that a data file of a model has a name that other programs run, or read
// by themselves, when they find it in a folder. Models from strangers could have such files
// written by unlocking them. So they are neither written nor locked.
type DataNameError struct{ Name string }

func (e *DataNameError) Error() string {
	return fmt.Sprintf("the data file %q has a name that other programs run, or read by themselves", e.Name)
}

// Hint says what to do.
func (e *DataNameError) Hint() string {
	return "if you trust whoever made the model, give its data file another name before it is locked, such as weights.bin"
}

// programs are endings, and active whole names, of files that are found and used by name.
var (
	programs = []string{".bash", ".bat", ".cmd", ".com", ".desktop", ".dll", ".dylib", ".exe", ".jar", ".js", ".lnk", ".mjs", ".ps1", ".py", ".pyc", ".pyd", ".service", ".sh", ".so", ".vbs", ".zsh"}
	active   = []string{"authorized_keys", "authorized_keys2", "dockerfile", "gnumakefile", "makefile"}
)

// checkDataName returns a *DataNameError for the name of a data file that is hidden or that of
// a program.
func checkDataName(name string) error {
	clean := strings.ToLower(path.Clean(name))
	for part := range strings.SplitSeq(clean, "/") {
		// Windows ignores dots and spaces at the end.
		base := strings.TrimRight(part, ". ")
		if strings.HasPrefix(part, ".") || slices.Contains(active, base) || slices.Contains(programs, path.Ext(base)) {
			return &DataNameError{name}
		}
	}
	return nil
}

// checkDataNames is checkDataName for all data files of a record.
func (r *Record) checkDataNames() error {
	for _, f := range r.Files[min(1, len(r.Files)):] {
		for _, name := range []string{f.Name, f.LockedName} {
			if err := checkDataName(name); err != nil {
				return &RecordError{err}
			}
		}
	}
	return nil
}

// checkDataNames is checkDataName for all data files of a model that is to be locked: it could
// not be unlocked again.
func (m *Model) checkDataNames() error {
	for _, t := range m.tensors {
		if t.Storage == External {
			if err := checkDataName(t.ext.location); err != nil {
				return fmt.Errorf("%s: %w", m.path, err)
			}
		}
	}
	return nil
}
