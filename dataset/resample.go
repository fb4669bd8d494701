package dataset

import (
	"image"
	"image/draw"
	"math"
)

// Pillow resizes in two passes, along rows and then along columns, with integer weights
// and bytes in between (https://github.com/python-pillow/Pillow, src/libImaging/Resample.c).
// Overshoot of the bicubic filter is cut off after each pass. Doing the same gives the same
// bytes.

// precision is the number of fractional bits of Pillow's weights.
const precision = 32 - 8 - 2

// kernel is a filter for resizing: its half-width when an image grows, and its weights.
type kernel struct {
	support float64
	weight  func(x float64) float64
}

var kernels = map[Filter]kernel{
	"":       {1, triangle},
	Bilinear: {1, triangle},
	Bicubic:  {2, cubic},
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

// cubic is the convolution kernel of Keys (1981) with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

// taps are what one pixel of the result is made of.
type taps struct {
	first   int
	weights []int32
}

// taps returns those of the pixels lo to hi-1, if a side of in pixels becomes one of out.
func (k kernel) taps(in, out, lo, hi int) []taps {
	scale := float64(in) / float64(out)
	wide := max(scale, 1)
	support := k.support * wide
	all := make([]taps, 0, hi-lo)
	for i := lo; i < hi; i++ {
		centre := (float64(i) + 0.5) * scale
		first := max(0, int(centre-support+0.5))
		end := min(in, int(centre+support+0.5))
		weights, sum := make([]float64, end-first), 0.0
		for j := range weights {
			weights[j] = k.weight((float64(j+first) - centre + 0.5) / wide)
			sum += weights[j]
		}
		t := taps{first, make([]int32, len(weights))}
		for j, w := range weights {
			if sum != 0 {
				w /= sum
			}
			t.weights[j] = int32(math.Round(w * (1 << precision)))
		}
		all = append(all, t)
	}
	return all
}

// resample writes img, resized to whole.Dx()×whole.Dy() pixels and moved to whole.Min, into
// the part of out that it covers.
func (f Filter) resample(out *image.RGBA, whole image.Rectangle, img *image.RGBA) {
	part := whole.Intersect(out.Bounds()).Sub(whole.Min) // of the resized image
	if part.Empty() {
		return
	}
	from, to := img.Bounds().Size(), whole.Size()
	if f == Nearest {
		columns, rows := nearest(from.X, to.X), nearest(from.Y, to.Y)
		for y := part.Min.Y; y < part.Max.Y; y++ {
			for x := part.Min.X; x < part.Max.X; x++ {
				at := out.PixOffset(x+whole.Min.X, y+whole.Min.Y)
				copy(out.Pix[at:at+4], img.Pix[img.PixOffset(columns[x], rows[y]):])
			}
		}
		return
	}
	k := kernels[f]
	columns, rows := k.taps(from.X, to.X, part.Min.X, part.Max.X), k.taps(from.Y, to.Y, part.Min.Y, part.Max.Y)
	// Pillow 13 begins with the columns where that leaves fewer pixels for the rows. The bytes
	// differ by at most 2.
	if to.Y < from.Y && to.X > from.X {
		img = alongColumns(img, rows, span(columns))
		img = alongRows(img, columns, image.Pt(0, len(rows)))
	} else {
		img = alongRows(img, columns, span(rows))
		img = alongColumns(img, rows, image.Pt(0, len(columns)))
	}
	draw.Draw(out, part.Add(whole.Min), img, image.Point{}, draw.Src)
}

// span returns the first and the last but one of the pixels that taps take.
func span(list []taps) image.Point {
	last := list[len(list)-1]
	return image.Pt(list[0].first, last.first+len(last.weights))
}

// alongRows resizes the lines of img from lines.X to lines.Y-1, which keep their places.
func alongRows(img *image.RGBA, columns []taps, lines image.Point) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, lines.X, len(columns), lines.Y))
	for y := lines.X; y < lines.Y; y++ {
		line := img.Pix[img.PixOffset(0, y):]
		for x, t := range columns {
			at := out.PixOffset(x, y)
			blend(out.Pix[at:at+4], line[4*t.first:], 4, t.weights)
		}
	}
	return out
}

// alongColumns resizes the columns of img from columns.X to columns.Y-1, which keep their
// places.
func alongColumns(img *image.RGBA, rows []taps, columns image.Point) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, columns.Y, len(rows)))
	for y, t := range rows {
		for x := columns.X; x < columns.Y; x++ {
			at := out.PixOffset(x, y)
			blend(out.Pix[at:at+4], img.Pix[img.PixOffset(x, t.first):], img.Stride, t.weights)
		}
	}
	return out
}

// blend sums up pixels that lie step bytes apart.
func blend(out, pixels []byte, step int, weights []int32) {
	const half = 1 << (precision - 1)
	r, g, b := int32(half), int32(half), int32(half)
	for i, w := range weights {
		p := pixels[i*step : i*step+3]
		r += w * int32(p[0])
		g += w * int32(p[1])
		b += w * int32(p[2])
	}
	out[0], out[1], out[2], out[3] = clip(r), clip(g), clip(b), 255
}

func clip(v int32) byte { return byte(min(max(v>>precision, 0), 255)) }

// nearest returns the pixel that each pixel of the result is, with the sums that Pillow
// adds up in place of products.
func nearest(in, out int) []int {
	scale := float64(in) / float64(out)
	at := make([]int, out)
	x := scale * 0.5
	for i := range at {
		at[i] = min(int(x), in-1)
		x += scale
	}
	return at
}
