package onnxio

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
)

// place is where one file of a rewritten model goes.
type place struct {
	name string // by which the new model knows it
	path string // where to write it; empty to share the original's
}

// layout decides the names of the rewritten files, of which some change. Files of the
// original are never replaced, unless dst is the original itself.
func (m *Model) layout(dst string, changed []bool) ([]place, error) {
	dir := filepath.Dir(dst)
	places := make([]place, len(m.files))
	inPlace := samePath(dst, m.path)
	places[0] = place{filepath.Base(dst), dst}
	for i, f := range m.files[1:] {
		places[i+1] = place{f.Name, filepath.Join(dir, filepath.FromSlash(f.Name))}
	}
	if sameFolder(dst, m.path) {
		for i := range m.files[1:] {
			if !changed[i+1] {
				places[i+1].path = ""
			}
		}
		if !inPlace {
			if err := m.newNames(places); err != nil {
				return nil, err
			}
		}
	}
	if inPlace {
		for i, p := range places {
			if i > 0 && !changed[i] {
				continue
			}
			if err := checkLinks(p.path, true); err != nil {
				return nil, err
			}
		}
		return places, nil
	}
	for _, p := range places {
		for _, f := range m.files {
			if p.path != "" && samePath(p.path, f.Path) {
				return nil, &PathError{Path: p.path, Problem: "belongs to " + m.path + " and would be replaced", Advice: "choose another name"}
			}
		}
	}
	return places, nil
}

// newNames names the data files that are written after the model they are for.
func (m *Model) newNames(places []place) error {
	taken := map[string]bool{}
	for _, f := range m.files {
		taken[path.Clean(f.Name)] = true
	}
	edited := 0
	for _, p := range places[1:] {
		if p.path != "" {
			edited++
		}
	}
	n := 0
	for i := range places[1:] {
		p := &places[i+1]
		if p.path == "" {
			continue
		}
		p.name = places[0].name + ".data"
		for edited > 1 || taken[p.name] {
			n++
			p.name = fmt.Sprintf("%s.%d.data", places[0].name, n)
			if !taken[p.name] {
				break
			}
		}
		taken[p.name] = true
		if err := checkLocation(p.name); err != nil {
			return err
		}
		p.path = filepath.Join(filepath.Dir(places[0].path), p.name)
	}
	return nil
}

// sameFolder reports whether two files, which need not exist, are in one folder.
func sameFolder(a, b string) bool {
	da, erra := os.Stat(filepath.Dir(a))
	db, errb := os.Stat(filepath.Dir(b))
	return erra == nil && errb == nil && os.SameFile(da, db)
}

// samePath reports whether two paths name the same place, which need not exist.
func samePath(a, b string) bool {
	return filepath.Base(a) == filepath.Base(b) && sameFolder(a, b)
}
