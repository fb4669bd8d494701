package dataset

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// COCO labels: a JSON file with images, annotations and categories. Boxes are the corner and
// the size in pixels. Classes count the categories in the order of their numbers, as they do
// for pycocotools, or in that of Preprocess.ClassNames by name. Images lie beside the file,
// or in a folder that is named after the split.

// cocoPart is the labels of a split.
type cocoPart struct {
	root, file string // the file within the root
}

// findCOCO looks for COCO labels in a folder; it returns no split if there are none.
func findCOCO(root string) map[Split]cocoPart {
	parts := map[Split]cocoPart{}
	add := func(split Split, file string) {
		if _, found := parts[split]; !found {
			parts[split] = cocoPart{root, file}
		}
	}
	isFile := func(file string) bool {
		info, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
		return err == nil && info.Mode().IsRegular()
	}
	for _, split := range []Split{Train, Test} {
		for _, name := range splitFolders[split] {
			if file := path.Join(name, "_annotations.coco.json"); isFile(file) {
				add(split, file)
			}
		}
	}
	for _, folder := range []string{"annotations", "."} {
		names, _, _ := filesIn(filepath.Join(root, folder), func(name string) bool {
			return strings.HasPrefix(name, "instances") && path.Ext(name) == ".json"
		})
		for _, name := range names {
			split, _ := splitNamed(cocoSplit(name))
			add(split, path.Join(folder, name))
		}
	}
	for _, file := range []string{"_annotations.coco.json", "annotations.json", "labels.json", "annotations/annotations.json"} {
		if len(parts) == 0 && isFile(file) {
			add("", file)
		}
	}
	if len(parts) > 1 {
		delete(parts, "")
	}
	return parts
}

// cocoSplit returns what stands behind instances_ in the name of a file.
func cocoSplit(file string) string {
	return strings.TrimPrefix(strings.TrimPrefix(stem(path.Base(file)), "instances"), "_")
}

// openCOCO opens the data set of a JSON file.
func openCOCO(file string, spec Spec) (source, []int, error) {
	if spec.Split != "" {
		return nil, nil, &SplitError{spec.Split, "file"}
	}
	src, labels, err := cocoPart{filepath.Dir(file), filepath.Base(file)}.open(spec, "")
	return src, labels, strip(filepath.Base(file), err)
}

func openCOCOParts(parts map[Split]cocoPart, spec Spec) (source, []int, error) {
	chosen, err := chooseSplit(parts, spec)
	if err != nil {
		return nil, nil, err
	}
	return parts[chosen].open(spec, chosen)
}

// cocoFile is what a file says.
type cocoFile struct {
	images      []cocoImage
	annotations []cocoAnnotation
	categories  []cocoCategory
}

type cocoImage struct {
	ID       int64  `json:"id"`
	FileName string `json:"file_name"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
}

type cocoAnnotation struct {
	ID         json.Number `json:"id"`
	ImageID    int64       `json:"image_id"`
	CategoryID int64       `json:"category_id"`
	Box        []float64   `json:"bbox"`
	Crowd      int         `json:"iscrowd"`
}

type cocoCategory struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// open reads the labels of a file.
func (p cocoPart) open(spec Spec, split Split) (source, []int, error) {
	d, err := p.read()
	if err != nil {
		return nil, nil, &FormatError{Problem: p.file, Err: err, Advice: "a file of COCO labels has images, annotations with bbox, and categories"}
	}
	slices.SortFunc(d.images, func(a, b cocoImage) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.categories, func(a, b cocoCategory) int { return cmp.Compare(a.ID, b.ID) })
	b := &boxedFiles{root: p.root, about: splitAbout("COCO labels", split)}
	classes := map[int64]int{}
	for i, c := range d.categories {
		classes[c.ID] = i
		b.classes, b.ids = append(b.classes, c.Name), append(b.ids, int(c.ID))
	}
	order, err := renumber(b.classes, spec.Preprocess.ClassNames)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.file, err)
	}
	if order != nil {
		for id, k := range classes {
			classes[id] = order[k]
		}
		b.classes, b.ids = spec.Preprocess.ClassNames, nil
	}
	byImage := map[int64][]object{}
	for _, a := range d.annotations {
		x, y, w, h := a.Box[0], a.Box[1], a.Box[2], a.Box[3]
		byImage[a.ImageID] = append(byImage[a.ImageID], object{classes[a.CategoryID], a.Crowd != 0, x, y, x + w, y + h})
	}
	folder, err := p.folder(d.images)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.file, err)
	}
	for _, im := range d.images {
		b.files = append(b.files, imageFile{path: path.Join(folder, im.FileName)})
	}
	b.objects = func(row int, size image.Config) ([]object, error) {
		im := d.images[row]
		if im.Width > 0 && im.Height > 0 && (im.Width != size.Width || im.Height != size.Height) {
			return nil, malformed("boxes are in pixels of the image: take the labels of these images", "%s is %d×%d, but %s says %d×%d", b.files[row].path, size.Height, size.Width, p.file, im.Height, im.Width)
		}
		return byImage[im.ID], nil
	}
	return b.open(spec)
}

// folder returns the folder of the images within the root: the first that has one of them.
func (p cocoPart) folder(list []cocoImage) (string, error) {
	own := path.Dir(p.file)
	name := cocoSplit(p.file)
	candidates := []string{own, path.Join(own, "images"), "images", path.Join("images", name), name, "data", "."}
	if split, ok := splitNamed(name); ok {
		for _, s := range splitFolders[split] {
			candidates = append(candidates, s, path.Join("images", s), path.Join(s, "images"))
		}
	}
	if own == "." { // images may lie beside the folder of the file
		for _, c := range slices.Clone(candidates) {
			candidates = append(candidates, path.Join("..", c))
		}
	}
	for _, folder := range candidates {
		if info, err := os.Stat(filepath.Join(p.root, filepath.FromSlash(folder), filepath.FromSlash(list[0].FileName))); err == nil && info.Mode().IsRegular() {
			return folder, nil
		}
	}
	return "", malformed("put the images beside the file, or into the folder images or "+cmp.Or(name, "train"), "image %q is not found", list[0].FileName)
}

// read reads the file and checks that its parts fit together.
func (p cocoPart) read() (*cocoFile, error) {
	f, err := openData(filepath.Join(p.root, filepath.FromSlash(p.file)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &cocoFile{}
	if err := d.decode(json.NewDecoder(f)); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("truncated")
		}
		return nil, err
	}
	return d, d.check()
}

// decode reads a file, a part of which is too large to keep twice.
func (d *cocoFile) decode(in *json.Decoder) error {
	if t, err := in.Token(); err != nil {
		return jsonError(err)
	} else if t != json.Delim('{') {
		return errors.New("no object in JSON")
	}
	for in.More() {
		t, err := in.Token()
		if err != nil {
			return jsonError(err)
		}
		switch t {
		case "images":
			err = elements(in, "image", &d.images)
		case "annotations":
			err = elements(in, "annotation", &d.annotations)
		case "categories":
			err = elements(in, "category", &d.categories)
		default:
			err = skipJSON(in)
		}
		if err != nil {
			return err
		}
	}
	_, err := in.Token()
	return jsonError(err)
}

// elements reads the elements of an array one by one.
func elements[T any](in *json.Decoder, what string, list *[]T) error {
	if t, err := in.Token(); err != nil {
		return jsonError(err)
	} else if t != json.Delim('[') {
		return fmt.Errorf("the list with each %s is none", what)
	}
	for in.More() {
		var e T
		if err := in.Decode(&e); err != nil {
			return fmt.Errorf("%s %d: %w", what, len(*list), jsonError(err))
		}
		if *list = append(*list, e); len(*list) > MaxSamples {
			return fmt.Errorf("more than %d of one kind", MaxSamples)
		}
	}
	_, err := in.Token()
	return jsonError(err)
}

// skipJSON reads a value.
func skipJSON(in *json.Decoder) error {
	for depth := 0; ; {
		t, err := in.Token()
		if err != nil {
			return jsonError(err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// jsonError says in plain words what is wrong with JSON.
func jsonError(err error) error {
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is a %s", cmp.Or(bad.Field, "it"), bad.Value)
	}
	return err
}

// check finds mistakes.
func (d *cocoFile) check() error {
	if len(d.images) == 0 {
		return errors.New("no images")
	}
	if len(d.categories) == 0 {
		return errors.New("no categories")
	}
	if len(d.annotations) == 0 {
		return errors.New("no annotations")
	}
	images, categories := map[int64]bool{}, map[int64]bool{}
	for i, im := range d.images {
		switch {
		case im.FileName == "" || !filepath.IsLocal(filepath.FromSlash(im.FileName)):
			return fmt.Errorf("image %d (id %d): %q names no file in a folder", i, im.ID, im.FileName)
		case images[im.ID]:
			return fmt.Errorf("image %d (%s): another has the id %d", i, im.FileName, im.ID)
		}
		images[im.ID] = true
	}
	names := map[string]bool{}
	for i, c := range d.categories {
		switch {
		case categories[c.ID] || names[c.Name]:
			return fmt.Errorf("category %d (%q, id %d) is there twice", i, c.Name, c.ID)
		case c.ID < 0 || c.ID > 1e6:
			return fmt.Errorf("category %d (%q) has the id %d", i, c.Name, c.ID)
		}
		categories[c.ID], names[c.Name] = true, true
	}
	for i, a := range d.annotations {
		where := fmt.Sprintf("annotation %d (id %v)", i, a.ID)
		switch {
		case !images[a.ImageID]:
			return fmt.Errorf("%s: there is no image %d", where, a.ImageID)
		case !categories[a.CategoryID]:
			return fmt.Errorf("%s: there is no category %d", where, a.CategoryID)
		case len(a.Box) != 4:
			return fmt.Errorf("%s: bbox has %d numbers instead of 4", where, len(a.Box))
		}
		for _, v := range a.Box {
			if math.IsNaN(v) || math.Abs(v) > 1e6 {
				return fmt.Errorf("%s: bbox %v", where, a.Box)
			}
		}
		if a.Box[2] < 0 || a.Box[3] < 0 {
			return fmt.Errorf("%s: bbox of size %v × %v", where, a.Box[2], a.Box[3])
		}
	}
	return nil
}
