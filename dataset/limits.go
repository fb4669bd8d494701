package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"

	"github.com/advparams/advparams/internal/sysmem"
)

// What a data set may ask for. Files come from strangers, too: 400 kB of PNG can
// stand for gigabytes of pixels, and 4 MB of npz for gigabytes of zeros. Headers are
// read first, and what is beyond these limits is an error before memory is spent.
const (
	// MaxImageMemory is the memory in bytes that one image may take while it is
	// decoded: about 64 million pixels of 8 bits, or 44 million of 16.
	MaxImageMemory = 1 << 29
	// MaxSamples is the number of samples that an .npz file may hold.
	MaxSamples = 1 << 25

	maxImageFile = 1 << 28 // bytes
	maxAspect    = 256     // bounds what resizing allocates
	cacheBytes   = 1 << 30

	// largePixels is from where on images are decoded one at a time.
	largePixels = 1 << 22
)

// An ImageSizeError means that an image is too large to be decoded. Images are
// resized to what the model takes, which is always much smaller.
type ImageSizeError struct {
	File          string // within the data set
	Width, Height int
	Bytes         int64 // that decoding would take; more than MaxImageMemory
}

func (e *ImageSizeError) Error() string {
	return fmt.Sprintf("%s is %d×%d: too large, decoding takes %d MB, at most %d are allowed",
		e.File, e.Height, e.Width, e.Bytes>>20, int64(MaxImageMemory)>>20)
}

// Hint says what to do.
func (e *ImageSizeError) Hint() string { return "make the image smaller, or leave it out" }

// An ArraySizeError means that an array of an .npz file takes more memory than there
// is to spare.
type ArraySizeError struct {
	Array   string
	Shape   []int
	Samples int   // how many would be kept
	Bytes   int64 // that they take
	Limit   int64
}

func (e *ArraySizeError) Error() string {
	if e.Limit == MaxSamples {
		return fmt.Sprintf("array %q of shape %v has more than %d samples", e.Array, e.Shape, MaxSamples)
	}
	return fmt.Sprintf("array %q of shape %v: %d samples take %d MB, at most %d are allowed", e.Array, e.Shape, e.Samples, e.Bytes>>20, e.Limit>>20)
}

// Hint says what to do.
func (e *ArraySizeError) Hint() string { return "ask for fewer samples" }

// arrayLimit is how much memory one array may take: half of what there is.
func arrayLimit() int64 {
	if total := sysmem.Total(); total > 0 {
		return total / 2
	}
	return 1 << 33
}

// checkImage refuses an image whose decoding takes too much memory: that of its
// pixels as they are decoded, of those as RGBA, and for a progressive JPEG of the
// coefficients of all its blocks.
func checkImage(size image.Config, data []byte, name string) error {
	perPixel := int64(4)
	switch size.ColorModel {
	case color.GrayModel:
		perPixel = 1
	case color.Gray16Model:
		perPixel = 2
	case color.RGBA64Model, color.NRGBA64Model:
		perPixel = 8
	case color.YCbCrModel:
		perPixel = 3
		if progressive(data) {
			perPixel += 12
		}
	}
	perPixel += 4
	if size.Width <= 0 || size.Height <= 0 {
		return fmt.Errorf("%s is %d×%d", name, size.Height, size.Width)
	}
	if n := int64(size.Width) * int64(size.Height); n > MaxImageMemory/perPixel {
		return &ImageSizeError{name, size.Width, size.Height, n * perPixel}
	}
	return nil
}

// progressive reports whether data is a progressive JPEG, or none at all that can
// be told from its segments.
func progressive(data []byte) bool {
	for data = bytes.TrimPrefix(data, []byte{0xff, 0xd8}); len(data) >= 4 && data[0] == 0xff; {
		switch marker := data[1]; marker {
		case 0xff: // fill byte
			data = data[1:]
			continue
		case 0xc0, 0xc1:
			return false
		case 0xc2, 0xda:
			return true
		}
		n := 2 + int(data[2])<<8 + int(data[3])
		data = data[min(n, len(data)):]
	}
	return true
}
