package dataset

import (
	"bufio"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/advparams/advparams/nd"
)

// Labels of detectors are boxes in the coordinates of the images as they lie on disk. They
// move with the images to what the model gets, and come out as an array [N,M,5]: the class
// of an object, and the centre and size of its box in shares of the model's image. A row of
// class -1 is padding. Class -2-c is a crowd of class c, as COCO's iscrowd: what is found in
// it is neither right nor wrong.

// object is a label: a class and the corners of a box in pixels of the image on disk.
type object struct {
	class          int
	crowd          bool
	x1, y1, x2, y2 float64
}

// boxedFiles are images with boxes.
type boxedFiles struct {
	root    string
	files   []imageFile
	objects func(row int, size image.Config) ([]object, error)
	classes []string // their names; nil: not known
	ids     []int    // the number of each class in the file; nil: its position
	about   string
}

// open reads the labels of the samples that spec chooses.
func (b *boxedFiles) open(spec Spec) (source, []int, error) {
	if p := &spec.Preprocess; p.Resize == (Size{}) && p.CropPct == 0 && p.Letterbox == (Size{}) && p.Crop == (Size{}) {
		p.Letterbox = InputSize // detectors are shown whole images
	}
	im, load, err := loadImages(b.root, b.files, spec)
	if err != nil {
		return nil, nil, err
	}
	im.format, im.classes, im.ids = b.about, b.classes, b.ids
	if b.classes != nil {
		im.format += ", " + counted(len(b.classes), "class", "classes")
	}
	if im.chosen = spec.choose(len(b.files), nil); im.chosen == nil {
		im.chosen = count(len(b.files))
	}
	rows := make([][]object, len(im.chosen))
	most := 1
	for i, row := range im.chosen {
		size, err := load.header(row)
		if err != nil {
			return nil, nil, err
		}
		list, err := b.objects(row, size)
		if err != nil {
			return nil, nil, err
		}
		rows[i] = spec.Preprocess.move(list, size, load.target)
		most = max(most, len(rows[i]))
	}
	shape := []int{len(rows), most, 5}
	if bytes := 4 * int64(len(rows)) * int64(most) * 5; bytes > arrayLimit() {
		return nil, nil, &ArraySizeError{"labels", shape, len(rows), bytes, arrayLimit()}
	}
	im.truth = nd.New(nd.Float32, shape...)
	for i, list := range rows {
		for k := range most {
			out := im.truth.Float32s()[(i*most+k)*5:][:5]
			if k >= len(list) {
				out[0] = -1
				continue
			}
			o := list[k]
			w, h := float64(load.target.w), float64(load.target.h)
			copy(out, []float32{float32(o.class), float32((o.x1 + o.x2) / 2 / w), float32((o.y1 + o.y2) / 2 / h), float32((o.x2 - o.x1) / w), float32((o.y2 - o.y1) / h)})
			if o.crowd {
				out[0] = float32(-2 - o.class)
			}
		}
	}
	return im, nil, nil
}

// move returns boxes in the coordinates of the image that the model gets. Where that shows
// a part of the image only, boxes are cut, and those outside are left out.
func (p Preprocess) move(list []object, size image.Config, to geometry) []object {
	sx, sy, ox, oy := p.Place(size.Width, size.Height, to.w, to.h)
	cut := ox < 0 || oy < 0
	var out []object
	for _, o := range list {
		o.x1, o.x2, o.y1, o.y2 = o.x1*sx+ox, o.x2*sx+ox, o.y1*sy+oy, o.y2*sy+oy
		if cut {
			o.x1, o.x2 = min(max(o.x1, 0), float64(to.w)), min(max(o.x2, 0), float64(to.w))
			o.y1, o.y2 = min(max(o.y1, 0), float64(to.h)), min(max(o.y2, 0), float64(to.h))
			if o.x1 >= o.x2 || o.y1 >= o.y2 {
				continue
			}
		}
		out = append(out, o)
	}
	return out
}

// header reads the size of an image from the beginning of its file.
func (l *imageLoader) header(row int) (image.Config, error) {
	name := l.files[row].path
	f, err := openRegular(filepath.Join(l.root, filepath.FromSlash(name)))
	if err != nil {
		return image.Config{}, fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	size, _, err := image.DecodeConfig(bufio.NewReader(f))
	if err != nil {
		return size, imageError(name, err)
	}
	if size.Width <= 0 || size.Height <= 0 {
		return size, fmt.Errorf("%s is %d×%d", name, size.Height, size.Width)
	}
	return size, nil
}

// loadImages returns a source of image files.
func loadImages(root string, files []imageFile, spec Spec) (*images, *imageLoader, error) {
	in, err := spec.single("images")
	if err != nil {
		return nil, nil, err
	}
	load := &imageLoader{root: root, files: files, spec: spec}
	f, err := load.frame(in)
	if err != nil {
		return nil, nil, err
	}
	im, err := newImages(in, f, spec)
	if err != nil {
		return nil, nil, err
	}
	load.start(f)
	im.n, im.interleaved, im.workers = len(files), true, runtime.GOMAXPROCS(0)
	im.pixels = load.pixels
	im.names = func(row int) string { return files[row].path }
	return im, load, nil
}

// openRegular opens a regular file.
func openRegular(path string) (*os.File, error) {
	d, err := openData(path)
	if err != nil {
		return nil, err
	}
	if _, err := d.file.Seek(0, 0); err != nil {
		d.Close()
		return nil, err
	}
	return d.file, nil
}

// Referred returns the folders that a file refers to for its samples: those with the images
// and the labels of a data.yaml, or with the images of COCO's JSON. Other files have their
// samples in them.
func Referred(file string) ([]string, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".yaml", ".yml":
		parts, err := yoloParts(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		var list []string
		for _, split := range []Split{Train, Test} {
			if p, ok := parts[split]; ok {
				list = append(list, filepath.Join(p.root, filepath.FromSlash(p.images)), filepath.Join(p.root, filepath.FromSlash(p.labels)))
			}
		}
		return list, nil
	case ".json":
		p := cocoPart{filepath.Dir(file), filepath.Base(file)}
		d, err := p.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, strip(p.file, err))
		}
		folder, err := p.folder(d.images)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return []string{filepath.Join(p.root, filepath.FromSlash(folder))}, nil
	}
	return nil, nil
}
