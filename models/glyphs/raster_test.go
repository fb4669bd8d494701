package glyphs

import "testing"

// rectangle runs clockwise on the screen, in pixels.
func rectangle(x0, y0, x1, y1 float64) []point {
	at := func(x, y float64) point { return point{int64(x * sub), int64(y * sub)} }
	return []point{at(x0, y0), at(x1, y0), at(x1, y1), at(x0, y1)}
}

func reversed(p []point) []point {
	return []point{p[3], p[2], p[1], p[0]}
}

func TestCoverage(t *testing.T) {
	const all = Size * Size * full
	triangle := []point{{0, 0}, {Size * sub, 0}, {0, Size * sub}}
	for name, c := range map[string]struct {
		polygons [][]point
		total    int64 // over all pixels
		x, y     int
		pixel    int64
	}{
		"a pixel":               {[][]point{rectangle(3, 5, 4, 6)}, full, 3, 5, full},
		"a quarter of a pixel":  {[][]point{rectangle(3.5, 5, 4, 5.5)}, full / 4, 3, 5, full / 4},
		"across pixels":         {[][]point{rectangle(3.75, 5, 6.25, 6)}, full * 5 / 2, 6, 5, full / 4},
		"either direction":      {[][]point{reversed(rectangle(3, 5, 5, 7))}, 4 * full, 4, 6, full},
		"overlap counts once":   {[][]point{rectangle(2, 2, 6, 6), rectangle(4, 4, 8, 8)}, 28 * full, 5, 5, full},
		"a hole":                {[][]point{rectangle(2, 2, 8, 8), reversed(rectangle(4, 4, 6, 6))}, 32 * full, 5, 5, 0},
		"clipped on every side": {[][]point{rectangle(-9, -9, Size+9, Size+9)}, all, Size - 1, Size - 1, full},
		"outside":               {[][]point{rectangle(-9, 3, -1, 9), rectangle(3, Size, 9, Size+1)}, 0, 3, Size - 1, 0},
		"half the canvas":       {[][]point{triangle}, all / 2, 1, 1, full},
	} {
		image := coverage(c.polygons)
		total := int64(0)
		for _, v := range image {
			total += v
		}
		// A slanted edge is exact to 1/256 of a pixel on each scan line.
		if slack := int64(Size * lines); total < c.total-slack || total > c.total+slack {
			t.Errorf("%s: covers %d, want %d", name, total, c.total)
		}
		if got := image[c.y*Size+c.x]; got != c.pixel {
			t.Errorf("%s: pixel (%d,%d) is %d, want %d", name, c.x, c.y, got, c.pixel)
		}
	}
}
