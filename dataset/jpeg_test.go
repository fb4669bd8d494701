package dataset

import (
	"image"
	"math"
	"slices"
	"testing"
)

// Values as libjpeg's triangle filter gives them, edges repeated.
func TestUpsample(t *testing.T) {
	for name, tt := range map[string]struct {
		ratio  image.YCbCrSubsampleRatio
		w, h   int
		chroma []byte
		want   []byte
	}{
		"4:4:4":             {image.YCbCrSubsampleRatio444, 3, 1, []byte{0, 64, 128}, []byte{0, 64, 128}},
		"4:2:2":             {image.YCbCrSubsampleRatio422, 6, 1, []byte{0, 64, 128}, []byte{0, 16, 48, 80, 112, 128}},
		"4:2:2, odd width":  {image.YCbCrSubsampleRatio422, 5, 1, []byte{0, 64, 128}, []byte{0, 16, 48, 80, 112}},
		"4:2:2, too narrow": {image.YCbCrSubsampleRatio422, 4, 1, []byte{0, 64}, []byte{0, 0, 64, 64}},
		"4:4:0":             {image.YCbCrSubsampleRatio440, 1, 4, []byte{0, 64}, []byte{0, 16, 48, 64}},
		"4:2:0": {image.YCbCrSubsampleRatio420, 6, 3, []byte{0, 64, 128, 64, 128, 192}, []byte{
			0, 16, 48, 80, 112, 128,
			16, 32, 64, 96, 128, 144,
			48, 64, 96, 128, 160, 176}},
	} {
		t.Run(name, func(t *testing.T) {
			img := image.NewYCbCr(image.Rect(0, 0, tt.w, tt.h), tt.ratio)
			copy(img.Cb, tt.chroma)
			if got := upsample(img, img.Cb); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// The JFIF equations, in floating point.
func TestFromYCbCr(t *testing.T) {
	for luma := 0; luma < 256; luma += 15 {
		img := image.NewYCbCr(image.Rect(0, 0, 18, 18), image.YCbCrSubsampleRatio444)
		for i := range 18 * 18 {
			img.Y[i], img.Cb[i], img.Cr[i] = byte(luma), byte(i%18*15), byte(i/18*15)
		}
		got := fromYCbCr(img)
		for i := range 18 * 18 {
			y, cb, cr := float64(luma), float64(img.Cb[i])-128, float64(img.Cr[i])-128
			for c, want := range []float64{y + 1.402*cr, y - 0.34414*cb - 0.71414*cr, y + 1.772*cb, 255} {
				want = min(max(want, 0), 255)
				if d := float64(got.Pix[4*i+c]) - want; math.Abs(d) > 0.51 {
					t.Fatalf("(%d, %d, %d), channel %d: %d, want %.2f", luma, img.Cb[i], img.Cr[i], c, got.Pix[4*i+c], want)
				}
			}
		}
	}
}
