package dataset

import (
	"image"
	"image/color"
	"image/draw"
	"math"
)

// placement is how an image fills the model's size: resized to whole, with its corner at
// the offset, which is negative where the image is cropped.
type placement struct {
	whole  image.Point
	offset image.Point
	fill   uint8 // around it
}

// place plans how an image of sw×sh pixels becomes one of w×h.
func (p Preprocess) place(sw, sh, w, h int) placement {
	switch {
	case p.Letterbox != Size{}:
		ratio := min(float64(w)/float64(sw), float64(h)/float64(sh))
		whole := image.Pt(max(1, int(math.RoundToEven(float64(sw)*ratio))), max(1, int(math.RoundToEven(float64(sh)*ratio))))
		// Half of the border, rounded as Ultralytics does.
		at := func(room int) int { return int(math.RoundToEven(float64(room)/2 - 0.1)) }
		return placement{whole, image.Pt(at(w-whole.X), at(h-whole.Y)), p.fill()}
	case p.Resize == InputSize:
		return placement{whole: image.Pt(w, h)}
	case p.Resize.W > 0:
		return centred(image.Pt(p.Resize.W, p.Resize.H), w, h)
	case p.Resize.H > 0 && sw < sh:
		return centred(image.Pt(p.Resize.H, sh*p.Resize.H/sw), w, h)
	case p.Resize.H > 0:
		return centred(image.Pt(sw*p.Resize.H/sh, p.Resize.H), w, h)
	case p.Crop != Size{}:
		return centred(image.Pt(sw, sh), w, h)
	case p.CropPct > 0:
		return centred(cover(sw, sh, int(float64(w)/p.CropPct), int(float64(h)/p.CropPct)), w, h)
	}
	return centred(cover(sw, sh, w, h), w, h)
}

// cover returns the size of an image that is resized to cover w×h, the longer side rounded
// down as torchvision's Resize does.
func cover(sw, sh, w, h int) image.Point {
	if sw == w && sh == h {
		return image.Pt(w, h)
	}
	if sw*h > sh*w {
		return image.Pt(sw*h/sh, h)
	}
	return image.Pt(w, sh*w/sw)
}

// centred crops an image to its centre, or surrounds it with black, as torchvision's
// CenterCrop does.
func centred(whole image.Point, w, h int) placement {
	at := func(room int) int {
		if room >= 0 {
			return room / 2
		}
		return -centre(-room)
	}
	return placement{whole: whole, offset: image.Pt(at(w-whole.X), at(h-whole.Y))}
}

// Place maps a point of an image of sw×sh pixels to the image of w×h pixels that the model
// gets: x goes to x·ScaleX + OffsetX, and y likewise. Boxes in labels move with the image.
func (p Preprocess) Place(sw, sh, w, h int) (scaleX, scaleY, offsetX, offsetY float64) {
	to := p.place(sw, sh, w, h)
	return float64(to.whole.X) / float64(sw), float64(to.whole.Y) / float64(sh), float64(to.offset.X), float64(to.offset.Y)
}

// fit returns an image of w×h pixels, as p says.
func (p Preprocess) fit(img *image.RGBA, w, h int) *image.RGBA {
	b := img.Bounds()
	to := p.place(b.Dx(), b.Dy(), w, h)
	if to.whole == image.Pt(w, h) && b.Dx() == w && b.Dy() == h {
		return img
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.RGBA{to.fill, to.fill, to.fill, 255}), image.Point{}, draw.Src)
	at := image.Rectangle{Max: to.whole}.Add(to.offset)
	if to.whole == b.Size() {
		draw.Draw(out, at, img, b.Min, draw.Src)
		return out
	}
	p.Filter.resample(out, at, img)
	return out
}

// centre returns half of the pixels to crop, rounded to even as Python does.
func centre(excess int) int {
	half := excess / 2
	return half + excess%2*(half%2)
}

// colours returns an image of pixels as bytes, one or three a pixel.
func colours(pixels []byte, g geometry, interleaved bool) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, g.w, g.h))
	area := g.h * g.w
	for i := range area {
		p := img.Pix[4*i : 4*i+4]
		p[3] = 255
		for c := range 3 {
			from := min(c, g.c-1)
			if interleaved {
				p[c] = pixels[i*g.c+from]
			} else {
				p[c] = pixels[from*area+i]
			}
		}
	}
	return img
}
