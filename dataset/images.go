package dataset

import (
	"fmt"
	"image"
	"slices"
	"sync"

	"github.com/advparams/advparams/nd"
)

// geometry is the size of images: channels (1 grey, 3 RGB), height, width.
type geometry struct{ c, h, w int }

func (g geometry) size() int { return g.c * g.h * g.w }

func (g geometry) String() string {
	return fmt.Sprintf("%d×%d %s", g.h, g.w, map[int]string{1: "grey", 3: "RGB"}[g.c])
}

// frame is a way to take images that fits an input: their geometry, -1 for
// what is left open, and the order of axes.
type frame struct {
	geometry
	rank        int  // of the input: 2, 3 or 4
	interleaved bool // rank 4: channels last
	flat        int  // rank 2: the length of the axis of all values, -1: any
}

// frames returns the frames that an input can stand for, the likeliest first.
// Rank 4 is NCHW or NHWC, told apart by the axis of 1 or 3 channels, NCHW
// (what ONNX operators take) when both or neither are fixed; rank 3 is grey
// images; rank 2 is images flattened, colour ones plane after plane.
// A layout that is given decides.
func frames(in Input, layout Layout) ([]frame, error) {
	if in.DType != 0 && in.DType != nd.Float32 {
		return nil, malformed(useNPZ, "images become float32, but input %q wants %v", in.Name, in.DType)
	}
	s := in.Shape
	switch len(s) {
	case 0:
		if s == nil {
			return []frame{{geometry: geometry{-1, -1, -1}, rank: 4}}, nil
		}
	case 2:
		return []frame{{geometry: geometry{-1, -1, -1}, flat: s[1], rank: 2}}, nil
	case 3:
		return []frame{{geometry: geometry{1, s[1], s[2]}, rank: 3}}, nil
	case 4:
		planar := frame{geometry: geometry{s[1], s[2], s[3]}, rank: 4}
		interleaved := frame{geometry: geometry{s[3], s[1], s[2]}, interleaved: true, rank: 4}
		both := []frame{planar, interleaved}
		switch {
		case layout == NCHW:
			both = both[:1]
		case layout == NHWC:
			both = both[1:]
		case planar.c < 0 && interleaved.c >= 0:
			both = []frame{interleaved, planar}
		}
		both = slices.DeleteFunc(both, func(f frame) bool { return f.c != 1 && f.c != 3 && f.c >= 0 })
		if len(both) > 0 {
			return both, nil
		}
	}
	return nil, malformed(useNPZ, "input %q, %s, does not take grey or RGB images", in.Name, shapeText(s))
}

// takes reports whether images of geometry g fill the frame exactly.
func (f frame) takes(g geometry) bool {
	if f.rank == 2 {
		return f.flat < 0 || f.flat == g.size()
	}
	fits := func(want, have int) bool { return want < 0 || want == have }
	return fits(f.c, g.c) && fits(f.h, g.h) && fits(f.w, g.w)
}

// stored returns a source of images of geometry g that are kept as bytes. They are resized
// only if spec says how.
func stored(in Input, g geometry, interleaved bool, spec Spec, pixels func(row int) ([]byte, error)) (*images, error) {
	if !spec.Preprocess.shapes() {
		f, err := exactFrame(in, g, spec)
		if err != nil {
			return nil, err
		}
		im, err := newImages(in, f, spec)
		if err != nil {
			return nil, err
		}
		im.interleaved, im.pixels = interleaved, pixels
		return im, nil
	}
	f, _, err := spec.frame(in, func() (geometry, error) { return g, nil })
	if err != nil {
		return nil, err
	}
	im, err := newImages(in, f, spec)
	if err != nil {
		return nil, err
	}
	im.interleaved = true
	im.pixels = func(row int) ([]byte, error) {
		bytes, err := pixels(row)
		if err != nil {
			return nil, err
		}
		return pack(spec.Preprocess.fit(colours(bytes, g, interleaved), f.w, f.h), f.c), nil
	}
	return im, nil
}

// frame settles what geometry images get: the model's, and where it leaves the size open,
// what spec says. If neither does, it is that of the first image, and own tells so.
func (spec Spec) frame(in Input, first func() (geometry, error)) (f frame, own bool, err error) {
	all, err := frames(in, spec.Preprocess.Layout)
	if err != nil {
		return frame{}, false, err
	}
	f = all[0]
	if f.h < 0 || f.w < 0 {
		var h, w int
		if h, w, own, err = spec.Preprocess.size(first); err != nil {
			return frame{}, false, err
		}
		f.h, f.w = fixed(f.h, h), fixed(f.w, w)
	}
	if c := spec.Preprocess.Crop; c != (Size{}) {
		if h, w := c.square(f.h, f.w); h != f.h || w != f.w {
			return frame{}, false, malformed("crop to the size that the model takes", "the crop is %d×%d, but input %q wants %s", h, w, in.Name, shapeText(in.Shape))
		}
	}
	if f.rank == 2 && f.flat >= 0 {
		switch f.flat {
		case f.h * f.w:
			f.c = 1
		case f.h * f.w * 3:
			f.c = 3
		default:
			return frame{}, false, malformed("an input of flattened images does not tell the size to resize to: say it, or resize the files", "images are %d×%d, but input %q wants %s", f.h, f.w, in.Name, shapeText(in.Shape))
		}
	}
	f.c = fixed(f.c, 3)
	return f, own, nil
}

func fixed(size, otherwise int) int {
	if size < 0 {
		return otherwise
	}
	return size
}

// size returns the size that p gives images; own means that it depends on the first one.
func (p Preprocess) size(first func() (geometry, error)) (h, w int, own bool, err error) {
	switch {
	case p.Crop != Size{}:
		h, w = p.Crop.square(0, 0)
		return h, w, false, nil
	case p.Letterbox.H > 0:
		h, w = p.Letterbox.square(0, 0)
		return h, w, false, nil
	case p.Resize.W > 0:
		return p.Resize.H, p.Resize.W, false, nil
	}
	g, err := first()
	if err != nil {
		return 0, 0, true, err
	}
	whole := p.natural(g.w, g.h)
	return whole.Y, whole.X, true, nil
}

// natural returns the size of an image of w×h pixels when neither a model nor p fixes one.
func (p Preprocess) natural(w, h int) image.Point {
	if p.Resize.H > 0 {
		return p.place(w, h, w, h).whole
	}
	return image.Pt(w, h)
}

// exactFrame returns the input's frame for images that are not resized.
func exactFrame(in Input, g geometry, spec Spec) (frame, error) {
	all, err := frames(in, spec.Preprocess.Layout)
	if err != nil {
		return frame{}, err
	}
	for _, f := range all {
		if f.takes(g) {
			f.geometry = g
			return f, nil
		}
	}
	err = fmt.Errorf("images are %v, but input %q wants %s", g, in.Name, shapeText(in.Shape))
	return frame{}, &FormatError{Err: err, Advice: "say how to resize them, or give an image folder, or an .npz with the values the model takes"}
}

// images is a source of images, kept or loaded as bytes.
type images struct {
	input       string
	frame       frame
	table       [][256]float32 // byte to input value, for each channel of the model
	swap        bool           // the model takes the last channel first
	interleaved bool           // how pixels returns them
	pixels      func(row int) ([]byte, error)
	workers     int // how many rows to load at once
	n           int
	format      string
	names       func(row int) string // nil: none
	classes     []string             // by label; nil: not known

	// Of images with boxes: the rows that were asked for, the labels of these, and the
	// number of each class in the labels' file, nil if that is its position.
	chosen []int
	truth  nd.Array
	ids    []int
}

// newImages returns a source without pixels for a frame whose geometry is settled.
func newImages(in Input, f frame, spec Spec) (*images, error) {
	mean, err := perChannel("mean", spec.Preprocess.Mean, 0, f.c)
	if err != nil {
		return nil, err
	}
	std, err := perChannel("std", spec.Preprocess.Std, 1, f.c)
	if err != nil {
		return nil, err
	}
	im := &images{input: in.Name, frame: f, table: make([][256]float32, f.c), swap: spec.Preprocess.Channels == BGR, workers: 1}
	scale := spec.Preprocess.scale()
	for c := range im.table {
		for b := range im.table[c] {
			im.table[c][b] = (float32(b)/scale - mean[c]) / std[c]
		}
	}
	return im, nil
}

func perChannel(what string, values []float32, otherwise float32, channels int) ([]float32, error) {
	switch len(values) {
	case channels:
		return values, nil
	case 0:
		return slices.Repeat([]float32{otherwise}, channels), nil
	case 1:
		return slices.Repeat(values, channels), nil
	}
	return nil, fmt.Errorf("%d values of %s for images of %d channels", len(values), what, channels)
}

func (im *images) len() int { return im.n }

func (im *images) about() string { return fmt.Sprintf("%s, %v images", im.format, im.frame.geometry) }

func (im *images) name(row int) string {
	if im.names == nil {
		return ""
	}
	return im.names(row)
}

func (im *images) batch(rows []int) (map[string]nd.Array, error) {
	size := im.frame.size()
	out := make([]float32, len(rows)*size)
	errs := make([]error, len(rows))
	work := func(first, step int) {
		for i := first; i < len(rows); i += step {
			var pixels []byte
			if pixels, errs[i] = im.pixels(rows[i]); errs[i] == nil {
				im.convert(out[i*size:(i+1)*size], pixels)
			}
		}
	}
	var wg sync.WaitGroup
	for worker := 1; worker < im.workers; worker++ {
		wg.Go(func() { work(worker, im.workers) })
	}
	work(0, im.workers)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	shape := []int{len(rows)}
	switch f := im.frame; {
	case f.rank == 2:
		shape = append(shape, size)
	case f.rank == 3:
		shape = append(shape, f.h, f.w)
	case f.interleaved:
		shape = append(shape, f.h, f.w, f.c)
	default:
		shape = append(shape, f.c, f.h, f.w)
	}
	return map[string]nd.Array{im.input: nd.Of(out, shape...)}, nil
}

// convert looks up the values of one image and puts them into the frame's order.
func (im *images) convert(out []float32, pixels []byte) {
	area := im.frame.h * im.frame.w
	steps := func(interleaved bool) (channel, pixel int) {
		if interleaved {
			return 1, im.frame.c
		}
		return area, 1
	}
	fromChannel, fromPixel := steps(im.interleaved)
	toChannel, toPixel := steps(im.frame.interleaved)
	for c := range im.table {
		table := &im.table[c]
		from, to := c*fromChannel, c*toChannel
		if im.swap {
			from = (len(im.table) - 1 - c) * fromChannel
		}
		for range area {
			out[to] = table[pixels[from]]
			from += fromPixel
			to += toPixel
		}
	}
}
