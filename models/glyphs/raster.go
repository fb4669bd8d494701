package glyphs

import (
	"cmp"
	"slices"
)

const (
	sub   = 256 // positions a pixel, on either axis
	lines = 16  // scan lines a pixel
)

// full is the value of a pixel all covered.
const full = sub * lines

// plane is an image in progress: Size×Size values, row-major.
type plane [Size * Size]int64

// crossing is where an edge meets a scan line, and which way it goes.
type crossing struct{ x, winding int64 }

// coverage returns how much of each pixel lies inside the polygons by the
// non-zero rule of TrueType: exact along x, from 16 scan lines along y.
func coverage(polygons [][]point) *plane {
	var crossings [Size * lines][]crossing
	for _, polygon := range polygons {
		a := polygon[len(polygon)-1]
		for _, b := range polygon {
			cross(&crossings, a, b)
			a = b
		}
	}
	image := new(plane)
	for line, c := range crossings {
		slices.SortFunc(c, func(a, b crossing) int { return cmp.Compare(a.x, b.x) })
		row := image[line/lines*Size:][:Size]
		inside := int64(0)
		for i := range c {
			if inside != 0 {
				cover(row, c[i-1].x, c[i].x)
			}
			inside += c[i].winding
		}
	}
	return image
}

// cross records the scan lines that the edge from a to b meets. A line runs
// through the middle of its strip; an edge has its upper end and not its lower.
func cross(crossings *[Size * lines][]crossing, a, b point) {
	winding := int64(1)
	if a.y > b.y {
		a, b, winding = b, a, -1
	}
	const strip = sub / lines
	for line := max(a.y+strip/2-1, 0) / strip; line < Size*lines; line++ {
		y := line*strip + strip/2
		if y >= b.y {
			break
		}
		x := a.x + (y-a.y)*(b.x-a.x)/(b.y-a.y)
		crossings[line] = append(crossings[line], crossing{x, winding})
	}
}

// cover adds the span from x0 to x1 to a row of pixels.
func cover(row []int64, x0, x1 int64) {
	x0, x1 = max(x0, 0), min(x1, Size*sub)
	for x0 < x1 {
		pixel := x0 / sub
		end := min(x1, (pixel+1)*sub)
		row[pixel] += end - x0
		x0 = end
	}
}
