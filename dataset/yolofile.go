package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yoloNames are files that list the classes, within a data set.
var yoloNames = []string{"data.yaml", "data.yml", "dataset.yaml", "dataset.yml", "classes.txt", "labels/classes.txt", "obj.names"}

// yoloClasses returns the names of the classes that a file of a data set lists, or nil.
func yoloClasses(root string) ([]string, error) {
	for _, name := range yoloNames {
		file := filepath.Join(root, filepath.FromSlash(name))
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if path.Ext(name) == ".txt" || path.Ext(name) == ".names" {
			names, err := ReadClasses(file)
			return names, within(name, err)
		}
		d, err := readYOLO(file)
		if err != nil || len(d.Names.list) > 0 {
			return d.Names.list, within(name, err)
		}
	}
	return nil, nil
}

// within gives an error the name of a file in a data set in place of its path: the caller
// names the data set.
func within(name string, err error) error {
	if err == nil {
		return nil
	}
	if _, is := err.(*FormatError); !is {
		err = cmp.Or(errors.Unwrap(err), err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// yoloFile is a data.yaml.
type yoloFile struct {
	Path  string
	Train folders
	Val   folders
	Test  folders
	Names classNames
}

// folders is a folder or a list of them.
type folders []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *folders) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if n.Value != "" && n.Tag != "!!null" {
			*f = folders{n.Value}
		}
		return nil
	}
	return n.Decode((*[]string)(f))
}

// classNames are a list, or a map from numbers to names.
type classNames struct{ list []string }

// UnmarshalYAML implements yaml.Unmarshaler.
func (c *classNames) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return n.Decode(&c.list)
	}
	var byNumber map[int]string
	if err := n.Decode(&byNumber); err != nil {
		return err
	}
	c.list = make([]string, len(byNumber))
	for i, name := range byNumber {
		if i < 0 || i >= len(c.list) {
			return fmt.Errorf("line %d: class %d is not between 0 and %d", n.Line, i, len(c.list)-1)
		}
		c.list[i] = name
	}
	return nil
}

// readYOLO reads a data.yaml.
func readYOLO(file string) (d yoloFile, err error) {
	text, err := readSmall(file)
	if err != nil {
		return d, err
	}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&d); err != nil {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		return d, &FormatError{Problem: strings.Join(strings.Fields(text), " "), Advice: "it has path, train, val, test and names"}
	}
	return d, nil
}

// openYOLO opens the data set that a data.yaml describes.
func openYOLO(file string, spec Spec) (source, []int, error) {
	parts, err := yoloParts(file)
	if err != nil {
		return nil, nil, err
	}
	return openYOLOParts(parts, spec)
}

// yoloParts returns the splits that a data.yaml describes.
func yoloParts(file string) (map[Split]yoloPart, error) {
	d, err := readYOLO(file)
	if err != nil {
		return nil, strip(file, err)
	}
	root := filepath.Dir(file)
	if d.Path != "" {
		if root = d.Path; !filepath.IsAbs(root) {
			root = filepath.Join(filepath.Dir(file), root)
		}
	}
	parts := map[Split]yoloPart{}
	for _, s := range []struct {
		split   Split
		folders folders
	}{{Train, d.Train}, {Test, d.Test}, {Test, d.Val}} {
		if len(s.folders) == 0 {
			continue
		}
		if len(s.folders) > 1 {
			return nil, malformed("name one folder for each split", "%d folders for one split", len(s.folders))
		}
		p, err := yoloFolder(root, s.folders[0], d.Names.list)
		if err != nil {
			return nil, err
		}
		if _, found := parts[s.split]; !found && p.labels != "" {
			parts[s.split] = p
		}
	}
	if len(parts) == 0 {
		return nil, malformed("name a folder of images as train, val or test; labels are in the folder labels beside images", "no split with labels")
	}
	return parts, nil
}

// strip leaves out the name of a file at the beginning of an error, which the caller adds.
func strip(file string, err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), file+": ") {
		return inner
	}
	return err
}

// yoloFolder returns a folder of images with its labels: the last folder named images of the
// path is replaced by labels. It has no labels if they are not there.
func yoloFolder(root, folder string, names []string) (yoloPart, error) {
	at := folder
	if !filepath.IsAbs(at) {
		at = filepath.Join(root, filepath.FromSlash(folder))
		// Roboflow writes ../train/images for what is beside the file.
		if _, err := os.Stat(at); err != nil && strings.HasPrefix(folder, "../") {
			at = filepath.Join(root, filepath.FromSlash(strings.TrimPrefix(folder, "../")))
		}
	}
	if info, err := os.Stat(at); err != nil || !info.IsDir() {
		return yoloPart{}, malformed("give the folder of images; lists of files are not read", "%s is no folder", folder)
	}
	elements := strings.Split(filepath.ToSlash(at), "/")
	k := len(elements) - 1
	for k >= 0 && elements[k] != "images" {
		k--
	}
	if k < 0 {
		return yoloPart{root: at, images: ".", labels: ".", names: names}, nil
	}
	base := filepath.FromSlash(strings.Join(elements[:k], "/"))
	if base == "" {
		base = "."
		if filepath.IsAbs(at) {
			base = string(filepath.Separator)
		}
	}
	rest := elements[k+1:]
	p := yoloPart{base, path.Join(append([]string{"images"}, rest...)...), path.Join(append([]string{"labels"}, rest...)...), names}
	if info, err := os.Stat(filepath.Join(base, filepath.FromSlash(p.labels))); err != nil || !info.IsDir() {
		p.labels = ""
	}
	return p, nil
}
