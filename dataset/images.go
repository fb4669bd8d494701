package dataset

import (
	"fmt"
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
func frames(in Input) ([]frame, error) {
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
		if planar.c < 0 && interleaved.c >= 0 {
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

// exactFrame returns the input's frame for images that are not resized.
func exactFrame(in Input, g geometry) (frame, error) {
	all, err := frames(in)
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
	return frame{}, &FormatError{Err: err, Advice: "only image folders are resized and converted: give one, or an .npz with the values the model takes"}
}

// images is a source of images, kept or loaded as bytes.
type images struct {
	input       string
	frame       frame
	table       [][256]float32 // byte to input value, a channel
	interleaved bool           // how pixels returns them
	pixels      func(row int) ([]byte, error)
	workers     int // how many rows to load at once
	n           int
	format      string
	names       func(row int) string // nil: none
}

// newImages returns a source without pixels for a frame whose geometry is settled.
func newImages(in Input, f frame, spec Spec) (*images, error) {
	mean, err := perChannel("mean", spec.Mean, 0, f.c)
	if err != nil {
		return nil, err
	}
	std, err := perChannel("std", spec.Std, 1, f.c)
	if err != nil {
		return nil, err
	}
	im := &images{input: in.Name, frame: f, table: make([][256]float32, f.c), workers: 1}
	for c := range im.table {
		for b := range im.table[c] {
			im.table[c][b] = (float32(b)/255 - mean[c]) / std[c]
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
		for range area {
			out[to] = table[pixels[from]]
			from += fromPixel
			to += toPixel
		}
	}
}
