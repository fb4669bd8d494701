package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // the formats of an image folder
	_ "image/jpeg"
	_ "image/png"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"image/draw"
)

// imageLoader decodes the files of an image folder when they are needed and
// keeps the result, as bytes of the model's size, up to cacheBytes.
type imageLoader struct {
	root    string
	files   []imageFile
	spec    Spec
	target  geometry
	uniform bool // the size comes from the first image, and the others must have it
	cache   []atomic.Pointer[[]byte]
	room    atomic.Int64 // bytes the cache may still take
	large   sync.Mutex   // held while a large image is decoded
}

// start settles the geometry and makes room for the cache.
func (l *imageLoader) start(f frame) {
	l.target = f.geometry
	l.cache = make([]atomic.Pointer[[]byte], len(l.files))
	l.room.Store(cacheBytes)
}

// pixels returns an image, channels interleaved.
func (l *imageLoader) pixels(row int) ([]byte, error) {
	if kept := l.cache[row].Load(); kept != nil {
		return *kept, nil
	}
	data, err := l.read(row)
	if err != nil {
		return nil, err
	}
	name := l.files[row].path
	size, err := imageConfig(data, name)
	if err != nil {
		return nil, err
	}
	if size.Width != l.target.w || size.Height != l.target.h {
		if l.uniform && l.spec.Preprocess.natural(size.Width, size.Height) != image.Pt(l.target.w, l.target.h) {
			return nil, malformed("the model does not fix a size: say the size to crop to, or resize the files to one size", "%s is %d×%d, but the first image gives %d×%d", name, size.Height, size.Width, l.target.h, l.target.w)
		}
		if max(size.Width, size.Height)/min(size.Width, size.Height) > maxAspect {
			return nil, fmt.Errorf("%s is %d×%d: too narrow to resize", name, size.Height, size.Width)
		}
	}
	if size.Width*size.Height > largePixels {
		l.large.Lock()
		defer l.large.Unlock()
	}
	decoded, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, imageError(name, err)
	}
	pixels := pack(l.spec.Preprocess.fit(opaque(decoded), l.target.w, l.target.h), l.target.c)
	if n := int64(len(pixels)); l.room.Add(-n) >= 0 {
		l.cache[row].Store(&pixels)
	} else {
		l.room.Add(n)
	}
	return pixels, nil
}

// read returns the bytes of a file.
func (l *imageLoader) read(row int) ([]byte, error) {
	name := l.files[row].path
	f, err := os.Open(filepath.Join(l.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Unwrap(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxImageFile+1))
	if err == nil && len(data) > maxImageFile {
		err = errors.New("too large for an image file")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// imageConfig reads an image's size and refuses sizes that only a decompression
// bomb has.
func imageConfig(data []byte, name string) (image.Config, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return size, imageError(name, err)
	}
	return size, checkImage(size, data, name)
}

func imageError(name string, err error) error {
	return &FormatError{Problem: name, Err: err, Advice: "remove or replace the file; png, jpeg and gif can be read"}
}

// opaque returns an image's colours without transparency. Transparent pixels
// keep their colour, as in Pillow's conversion to RGB.
func opaque(img image.Image) *image.RGBA {
	if jpeg, ok := img.(*image.YCbCr); ok {
		return fromYCbCr(jpeg)
	}
	b := img.Bounds()
	if rgba, ok := img.(*image.RGBA); ok && b.Min == (image.Point{}) && rgba.Opaque() {
		return rgba
	}
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		draw.Draw(out, out.Bounds(), img, b.Min, draw.Src)
		return out
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			out.SetRGBA(x, y, color.RGBA{c.R, c.G, c.B, 255})
		}
	}
	return out
}

// pack returns an image's pixels as RGB triples or, for one channel, as ITU-R
// 601 luma, rounded as Pillow does.
func pack(img *image.RGBA, channels int) []byte {
	n := img.Bounds().Dx() * img.Bounds().Dy()
	out := make([]byte, 0, n*channels)
	for i := range n {
		p := img.Pix[4*i : 4*i+3]
		if channels == 3 {
			out = append(out, p...)
			continue
		}
		luma := 19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15
		out = append(out, byte(luma>>16))
	}
	return out
}
