package glyphs

// develop turns coverage into the picture a poor scanner makes of it and
// stores it in pixels, Size×Size bytes in 16 shades.
func develop(image *plane, r random, pixels []byte) {
	for range r.below(3) {
		blur(image)
	}
	thicken(image, r.between(-full/8, full/4))

	paper := r.between(0, 20)
	ink := r.between(105, 255)
	grain := r.between(5, 35)
	for i, v := range image {
		v = paper + (ink-paper)*v/full + grain*normal(r)/1000
		pixels[i] = byte((min(max(v, 0), 255) + 8) / 17 * 17)
	}
}

// blur spreads each pixel over its neighbours, 1:2:1 on either axis. Beyond the
// border there is no ink.
func blur(image *plane) {
	at := func(p *plane, x, y int) int64 {
		if x < 0 || x >= Size || y < 0 || y >= Size {
			return 0
		}
		return p[y*Size+x]
	}
	var wide plane
	for i := range image {
		x, y := i%Size, i/Size
		wide[i] = at(image, x-1, y) + 2*at(image, x, y) + at(image, x+1, y)
	}
	for i := range image {
		x, y := i%Size, i/Size
		image[i] = (at(&wide, x, y-1) + 2*at(&wide, x, y) + at(&wide, x, y+1)) / 16
	}
}

// thicken moves the edges of strokes outwards, or inwards where by is negative:
// it stretches the contrast about a shade other than the middle one.
func thicken(image *plane, by int64) {
	for i, v := range image {
		image[i] = min(max((v-full/2+by)*3/2+full/2, 0), full)
	}
}

// normal returns a number that is nearly normal, of mean 0 and deviation 1000:
// the sum of the four bytes of a word, each uniform.
func normal(r random) int64 {
	const mean, deviation = 510, 148
	w := uint32(r.Uint64())
	sum := w&255 + w>>8&255 + w>>16&255 + w>>24
	return (int64(sum) - mean) * 1000 / deviation
}
