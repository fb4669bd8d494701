package verify

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"

	"golang.org/x/image/draw"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
)

// thumbnail is the longest side of a picture in a report, in pixels.
const thumbnail = 112

// view returns how sample i looks, by the first input that can be shown.
func (r *Runs) view(inputs map[string]nd.Array, i int) (v View) {
	largest := int64(-1)
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		a := inputs[name]
		switch x := a.Data.(type) {
		case []float32:
			r.viewFloats(&v, a, row(a, x, i))
		case []int64:
			if len(a.Shape) != 2 || len(x) == 0 {
				continue
			}
			if most := slices.Max(x); most > largest { // tokens, rather than a mask of them
				largest, v.Text = most, r.text(unpadded(row(a, x, i)))
			}
		}
		if v.Picture != nil || v.Series != nil {
			return v
		}
	}
	return v
}

func (r *Runs) viewFloats(v *View, a nd.Array, x []float32) {
	shape := a.Shape[1:]
	switch {
	case len(shape) == 3 && (shape[0] == 1 || shape[0] == 3) && shape[1] > 1:
		v.Width, v.Height = shape[2], shape[1]
		plane := v.Width * v.Height
		v.Picture = r.picture(x, v.Width, v.Height, shape[0], func(p, c int) int { return c*plane + p })
	case len(shape) == 3 && (shape[2] == 1 || shape[2] == 3):
		v.Width, v.Height = shape[1], shape[0]
		v.Picture = r.picture(x, v.Width, v.Height, shape[2], func(p, c int) int { return p*shape[2] + c })
	case len(shape) == 2 && shape[0] > 1 && shape[1] > 1 && min(shape[0], shape[1]) > 16:
		v.Width, v.Height = shape[1], shape[0] // a spectrogram, or an image without channels
		v.Picture = r.picture(x, v.Width, v.Height, 1, func(p, _ int) int { return p })
	case len(shape) == 2 && len(x) > 1:
		channels, steps, at := shape[0], shape[1], func(c, t int) int { return c*shape[1] + t }
		if shape[0] > shape[1] {
			channels, steps, at = shape[1], shape[0], func(c, t int) int { return t*shape[1] + c }
		}
		for c := range min(channels, 4) {
			line := make([]float64, steps)
			for t := range line {
				line[t] = float64(x[at(c, t)])
			}
			v.Series = append(v.Series, thinned(line))
		}
	case len(shape) == 1 && len(x) > 64:
		line := make([]float64, len(x))
		for t, y := range x {
			line[t] = float64(y)
		}
		v.Series = [][]float64{thinned(line)}
	case len(shape) == 1 && v.Features == nil:
		for _, y := range x[:min(len(x), 8)] {
			v.Features = append(v.Features, float64(y))
		}
	}
}

// thinned reduces a line to a few hundred points. Of each piece it keeps the smallest and the
// largest value, so that peaks stay.
func thinned(line []float64) []float64 {
	const pieces = 120
	if len(line) <= 2*pieces {
		return line
	}
	var out []float64
	for k := range pieces {
		piece := line[k*len(line)/pieces : (k+1)*len(line)/pieces]
		low, high := slices.Index(piece, slices.Min(piece)), slices.Index(piece, slices.Max(piece))
		out = append(out, piece[max(0, min(low, high))], piece[max(low, high, 0)])
	}
	return out
}

// picture returns an image as a PNG. at is the place of channel c of pixel p. Where it is not
// known how values were scaled, the smallest is black and the largest white.
func (r *Runs) picture(x []float32, width, height, channels int, at func(p, c int) int) []byte {
	scale, shift := r.scaling(x, channels)
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for p := range width * height {
		var rgb [3]uint8
		for c := range rgb {
			k := min(c, channels-1)
			if r.Preprocess.Channels == dataset.BGR {
				k = channels - 1 - k
			}
			v := float64(x[at(p, k)])*scale[k] + shift[k]
			rgb[c] = uint8(min(255, max(0, v+0.5)))
		}
		img.SetNRGBA(p%width, p/width, color.NRGBA{rgb[0], rgb[1], rgb[2], 255})
	}
	return encoded(reduced(img))
}

// scaling returns what turns values of each channel into 0 to 255.
func (r *Runs) scaling(x []float32, channels int) (scale, shift []float64) {
	scale, shift = make([]float64, channels), make([]float64, channels)
	p := &r.Preprocess
	of := func(list []float32, c int, usual float64) float64 {
		if len(list) == 0 {
			return usual
		}
		return float64(list[min(c, len(list)-1)])
	}
	low, high := 0.0, 0.0
	for _, v := range x {
		if finite(v) {
			low, high = min(low, float64(v)), max(high, float64(v))
		}
	}
	for c := range channels {
		switch {
		case len(p.Mean)+len(p.Std) > 0 || p.Scale != 0:
			bytes := float64(cmp.Or(p.Scale, 255))
			scale[c], shift[c] = bytes*of(p.Std, c, 1), bytes*of(p.Mean, c, 0)
		case low >= 0 && high <= 1:
			scale[c] = 255
		case low >= 0 && high <= 255 && high > 16:
			scale[c] = 1
		default:
			scale[c] = 255 / max(high-low, 1e-9)
			shift[c] = -low * scale[c]
		}
	}
	return scale, shift
}

// reduced makes an image no larger than a thumbnail.
func reduced(img *image.NRGBA) image.Image {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	long := max(w, h)
	if long <= thumbnail {
		return img
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, w*thumbnail/long), max(1, h*thumbnail/long)))
	draw.CatmullRom.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	return small
}

func encoded(img image.Image) []byte {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		return nil
	}
	return b.Bytes()
}

// classColours tell classes of a mask apart.
var classColours = color.Palette{
	color.NRGBA{0x1b, 0x1f, 0x24, 255}, color.NRGBA{0xe6, 0x9f, 0x00, 255}, color.NRGBA{0x56, 0xb4, 0xe9, 255}, color.NRGBA{0x00, 0x9e, 0x73, 255},
	color.NRGBA{0xf0, 0xe4, 0x42, 255}, color.NRGBA{0x00, 0x72, 0xb2, 255}, color.NRGBA{0xd5, 0x5e, 0x00, 255}, color.NRGBA{0xcc, 0x79, 0xa7, 255},
}

// mask returns a PNG of classes by pixel.
func mask(classes []int64, width int) []byte {
	if width == 0 || len(classes)%width != 0 {
		return nil
	}
	height := len(classes) / width
	step := max(1, (max(width, height)+thumbnail-1)/thumbnail)
	img := image.NewPaletted(image.Rect(0, 0, (width+step-1)/step, (height+step-1)/step), classColours)
	for y := 0; y < height; y += step {
		for x := 0; x < width; x += step {
			img.SetColorIndex(x/step, y/step, uint8(max(0, classes[y*width+x])%int64(len(classColours))))
		}
	}
	return encoded(img)
}

// boxes reads the objects that a detector found ([M,6], as task.Detection answers).
func boxes(x []float32, v View) []Box {
	list := []Box{}
	unit := float32(1)
	for i := 0; i+6 <= len(x); i += 6 {
		if x[i] >= 0 {
			unit = max(unit, x[i+3]/1.5, x[i+4]/1.5)
		}
	}
	width, height := float32(1), float32(1)
	if unit > 1 { // pixels of the sample
		width, height = float32(max(1, v.Width)), float32(max(1, v.Height))
	}
	for i := 0; i+6 <= len(x); i += 6 {
		if x[i] < 0 {
			continue
		}
		list = append(list, Box{
			X: float64(x[i+1] / width), Y: float64(x[i+2] / height),
			Width: float64((x[i+3] - x[i+1]) / width), Height: float64((x[i+4] - x[i+2]) / height),
			Class: int(x[i]), Score: float64(x[i+5]),
		})
	}
	return list
}
