package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// YOLO labels: a folder images and a folder labels, with a text file for each image that has
// objects. A line is an object: its class, and the centre and size of its box in shares of
// the image, or the corners of a polygon. Splits are folders inside of both (images/train),
// or folders that have both (train/images). Images and texts may also lie side by side.
// data.yaml names the classes, and may name the folders.

// yoloPart is the images of a split and where their labels are, within a root.
type yoloPart struct {
	root, images, labels string
	names                []string
}

// findYOLO looks for YOLO labels in a folder; it returns no split if there are none.
func findYOLO(root string, spec Spec) (map[Split]yoloPart, error) {
	parts := map[Split]yoloPart{}
	is := func(parts ...string) bool {
		info, err := os.Stat(filepath.Join(append([]string{root}, parts...)...))
		return err == nil && info.IsDir()
	}
	for _, split := range []Split{Train, Test} {
		for _, name := range splitFolders[split] {
			for _, p := range []yoloPart{{root, path.Join("images", name), path.Join("labels", name), nil}, {root, path.Join(name, "images"), path.Join(name, "labels"), nil}} {
				if _, found := parts[split]; !found && is(p.images) && is(p.labels) {
					parts[split] = p
				}
			}
		}
	}
	// Names with a year, as train2017.
	if is("images") && is("labels") && len(parts) == 0 {
		folders, err := subFolders(filepath.Join(root, "images"))
		if err != nil {
			return nil, err
		}
		for _, name := range folders {
			if split, ok := splitNamed(name); ok && is("labels", name) {
				parts[split] = yoloPart{root, path.Join("images", name), path.Join("labels", name), nil}
			}
		}
	}
	switch {
	case len(parts) > 0:
	case is("images") && is("labels"):
		parts[""] = yoloPart{root, "images", "labels", nil}
	case beside(root):
		parts[""] = yoloPart{root, ".", ".", nil}
	default:
		return nil, nil
	}
	names, err := yoloClasses(root)
	for split, p := range parts {
		p.names = names
		parts[split] = p
	}
	return parts, err
}

// splitNamed returns the split that a name without a year means.
func splitNamed(name string) (Split, bool) {
	name = strings.ToLower(strings.TrimRight(name, "0123456789"))
	for _, split := range []Split{Train, Test} {
		if slices.Contains(splitFolders[split], name) {
			return split, true
		}
	}
	return "", false
}

// beside reports whether an image of a folder has a text of its name beside it.
func beside(root string) bool {
	names, _, err := filesIn(root, isImage)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(names, func(name string) bool {
		info, err := os.Stat(filepath.Join(root, stem(name)+".txt"))
		return err == nil && info.Mode().IsRegular()
	})
}

func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

func openYOLOParts(parts map[Split]yoloPart, spec Spec) (source, []int, error) {
	chosen, err := chooseSplit(parts, spec)
	if err != nil {
		return nil, nil, err
	}
	p := parts[chosen]
	b := &boxedFiles{root: p.root, about: splitAbout("YOLO labels", chosen), classes: p.names}
	if b.files, err = p.files(); err != nil {
		return nil, nil, err
	}
	if len(b.files) == 0 {
		return nil, nil, fmt.Errorf("no png, jpeg or gif image in %s", p.images)
	}
	order, err := renumber(p.names, spec.Preprocess.ClassNames)
	if err != nil {
		return nil, nil, err
	}
	labelled := false
	for _, f := range b.files {
		if _, err := os.Stat(filepath.Join(p.root, filepath.FromSlash(p.text(f.path)))); err == nil {
			labelled = true
			break
		}
	}
	if !labelled {
		return nil, nil, malformed("a label has the name of its image and ends in .txt", "no image of %s has labels in %s", p.images, p.labels)
	}
	b.objects = func(row int, size image.Config) ([]object, error) {
		name := p.text(b.files[row].path)
		text, err := readSmall(filepath.Join(p.root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil // no object
		}
		if err != nil {
			return nil, within(name, err)
		}
		list, err := parseYOLO(text, len(p.names))
		if err != nil {
			return nil, &FormatError{Problem: name, Err: err, Advice: "a line is a class, and the centre, width and height of its box as shares of the image (0 to 1)"}
		}
		for i := range list {
			o := &list[i]
			w, h := float64(size.Width), float64(size.Height)
			o.x1, o.x2, o.y1, o.y2 = o.x1*w, o.x2*w, o.y1*h, o.y2*h
			if order != nil {
				o.class = order[o.class]
			}
		}
		return list, nil
	}
	return b.open(spec)
}

// renumber returns the number in list of each class of names; nil if they count alike.
func renumber(names, list []string) ([]int, error) {
	if names == nil || list == nil {
		return nil, nil
	}
	order := make([]int, len(names))
	for i, name := range names {
		if order[i] = slices.Index(list, name); order[i] < 0 {
			return nil, malformed("name the classes as the list does", "class %q of the labels is not in the list of %d classes", name, len(list))
		}
	}
	return order, nil
}

// files lists the images, those in folders too.
func (p yoloPart) files() ([]imageFile, error) {
	var found []imageFile
	top := filepath.Join(p.root, filepath.FromSlash(p.images))
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file != top && hidden(d.Name()):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && isImage(d.Name()):
			name, err := filepath.Rel(p.root, file)
			if err != nil {
				return err
			}
			found = append(found, imageFile{path: filepath.ToSlash(name)})
		}
		return nil
	})
	return found, err
}

// text returns the name of the labels of an image.
func (p yoloPart) text(image string) string {
	if p.images != "." {
		image = strings.TrimPrefix(image, p.images+"/")
	}
	return path.Join(p.labels, stem(image)+".txt")
}

// yoloBorder is how far beyond the image numbers may lie: boxes at the border are rounded.
const yoloBorder = 0.01

// parseYOLO reads the labels of an image, with corners in shares of it. classes is the number
// of classes; 0 if it is not known. A line that is there twice counts once.
func parseYOLO(text []byte, classes int) ([]object, error) {
	var list []object
	n := 0
	for line := range strings.Lines(string(bytes.TrimPrefix(text, []byte("\ufeff")))) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		o, err := parseObject(fields, classes)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if !slices.Contains(list, o) {
			list = append(list, o)
		}
	}
	return list, nil
}

func parseObject(fields []string, classes int) (o object, err error) {
	v := make([]float64, len(fields))
	for i, field := range fields {
		if v[i], err = strconv.ParseFloat(field, 64); err != nil || math.IsNaN(v[i]) || math.IsInf(v[i], 0) {
			return o, fmt.Errorf("%.40q is not a number", field)
		}
	}
	switch class := v[0]; {
	case class != math.Trunc(class) || class < 0 || class > 1e6:
		return o, fmt.Errorf("%.40q is not a class", fields[0])
	case classes > 0 && int(class) >= classes:
		return o, fmt.Errorf("class %d, but there are %d classes", int(class), classes)
	case len(v) != 5 && (len(v) < 7 || len(v)%2 == 0):
		return o, fmt.Errorf("%d numbers instead of 5", len(v))
	}
	for i, x := range v[1:] {
		if x < -yoloBorder || x > 1+yoloBorder {
			return o, fmt.Errorf("%s is not a share of the image", fields[i+1])
		}
	}
	o.class = int(v[0])
	if len(v) == 5 {
		if v[3] < 0 || v[4] < 0 {
			return o, fmt.Errorf("a box of size %s × %s", fields[3], fields[4])
		}
		o.x1, o.y1, o.x2, o.y2 = v[1]-v[3]/2, v[2]-v[4]/2, v[1]+v[3]/2, v[2]+v[4]/2
		return o, nil
	}
	o.x1, o.y1, o.x2, o.y2 = 1, 1, 0, 0
	for i := 1; i < len(v); i += 2 {
		o.x1, o.x2 = min(o.x1, v[i]), max(o.x2, v[i])
		o.y1, o.y2 = min(o.y1, v[i+1]), max(o.y2, v[i+1])
	}
	return o, nil
}
