package dataset

import "image"

// JPEG files mostly hold colour at half the resolution of brightness. Go's
// image package repeats each colour sample; libjpeg, and with it Pillow,
// OpenCV and every training pipeline built on them, interpolates ("fancy
// upsampling"). On small images the difference moves a model's answers, so the
// colours are computed here as libjpeg does.

// fromYCbCr converts to RGB with interpolated colour.
func fromYCbCr(img *image.YCbCr) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	blue := upsample(img, img.Cb)
	red := upsample(img, img.Cr)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := img.Y[y*img.YStride : y*img.YStride+w]
		for x, luma := range row {
			at := y*w + x
			// JFIF: coefficients 1.402, 0.34414, 0.71414 and 1.772, in 1/65536.
			l, cb, cr := int32(luma), int32(blue[at])-128, int32(red[at])-128
			p := out.Pix[4*at : 4*at+4]
			p[0] = clamp(l + (91881*cr+1<<15)>>16)
			p[1] = clamp(l + (-22554*cb-46802*cr+1<<15)>>16)
			p[2] = clamp(l + (116130*cb+1<<15)>>16)
			p[3] = 255
		}
	}
	return out
}

// upsample returns one colour plane at full resolution. Along a halved axis an
// output sample is 3/4 the input sample it lies in and 1/4 its nearer neighbour.
func upsample(img *image.YCbCr, plane []byte) []byte {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	across, down := 1, 1 // input samples to output samples
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		across, down = 2, 2
	case image.YCbCrSubsampleRatio422:
		across = 2
	case image.YCbCrSubsampleRatio440:
		down = 2
	}
	columns, rows := (w+across-1)/across, (h+down-1)/down
	out := make([]byte, w*h)
	interpolate := across*down > 1 && (across == 1 || columns > 2) // as libjpeg
	for y := range h {
		line := out[y*w : (y+1)*w]
		if !interpolate {
			for x := range line {
				line[x] = plane[img.COffset(img.Rect.Min.X+x, img.Rect.Min.Y+y)]
			}
			continue
		}
		near := plane[y/down*img.CStride:][:columns]
		far := near
		if down == 2 {
			far = plane[min(max(y/2-1+y%2*2, 0), rows-1)*img.CStride:][:columns]
		}
		if across == 1 {
			for x := range line {
				line[x] = byte((3*int(near[x]) + int(far[x]) + 1 + y%2) >> 2)
			}
			continue
		}
		// Rounding alternates, so that it adds no bias.
		even, odd, shift := 1, 2, 2
		if down == 2 {
			even, odd, shift = 8, 7, 4
		}
		sum := func(x int) int {
			x = min(max(x, 0), columns-1)
			if down == 1 {
				return int(near[x])
			}
			return 3*int(near[x]) + int(far[x])
		}
		last, this, next := sum(0), sum(0), sum(1)
		for x := range line {
			if x%2 == 0 {
				line[x] = byte((3*this + last + even) >> shift)
				continue
			}
			line[x] = byte((3*this + next + odd) >> shift)
			last, this, next = this, next, sum(x/2+2)
		}
	}
	return out
}

func clamp(v int32) byte { return byte(min(max(v, 0), 255)) }
