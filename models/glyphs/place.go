package glyphs

// one is a pixel, or the number 1, in the fixed-point numbers of matrices.
const one = 1 << 16

// matrix maps (x, y) to (xx·x + xy·y, yx·x + yy·y); its elements are in 1/one.
type matrix struct{ xx, xy, yx, yy int64 }

// place lays an outline on the canvas as a random affine map has it, and
// flattens it to polygons in 1/sub of a pixel.
func (o outline) place(r random) [][]point {
	m := distortion(r)
	polygons := make([][]point, len(o.contours))
	lo, hi := point{1 << 62, 1 << 62}, point{-1 << 62, -1 << 62}
	for i, contour := range o.contours {
		for _, c := range contour {
			c.a, c.b, c.c = m.apply(c.a, o.em), m.apply(c.b, o.em), m.apply(c.c, o.em)
			polygons[i] = c.flatten(polygons[i])
		}
		for _, p := range polygons[i] {
			lo.x, hi.x = min(lo.x, p.x), max(hi.x, p.x)
			lo.y, hi.y = min(lo.y, p.y), max(hi.y, p.y)
		}
	}
	// The middle of the bounding box comes to within 2 pixels of the canvas's.
	dx := Size*sub/2 - (lo.x+hi.x)/2 + r.between(-2*sub, 2*sub)
	dy := Size*sub/2 - (lo.y+hi.y)/2 + r.between(-2*sub, 2*sub)
	for _, polygon := range polygons {
		for i := range polygon {
			polygon[i].x += dx
			polygon[i].y += dy
		}
	}
	return polygons
}

// distortion is a rotation by up to 30° after a slant by up to 0.45 after a
// scale to 14–29 pixels an em (capitals are 0.7 em high), up to a third wider
// or narrower. Elements are in 1/one of a pixel an em.
func distortion(r random) matrix {
	height := r.between(14*one, 29*one)
	width := height * r.between(650, 1350) / 1000
	slant := r.between(-450, 450)
	// cos and sin from t = tan(angle/2), which need no table: (1-t²)/(1+t²), 2t/(1+t²).
	const d = 1000
	t := r.between(-270, 270)
	cos, sin := (d*d-t*t)*one/(d*d+t*t), 2*d*t*one/(d*d+t*t)

	m := matrix{xx: width, xy: height * slant / 1000, yy: height}
	return matrix{
		xx: cos * m.xx / one, xy: (cos*m.xy - sin*m.yy) / one,
		yx: sin * m.xx / one, yy: (sin*m.xy + cos*m.yy) / one,
	}
}

// apply maps p, em to the em, to 1/sub of a pixel.
func (m matrix) apply(p point, em int64) point {
	return point{
		(m.xx*p.x + m.xy*p.y) / (em * one / sub),
		(m.yx*p.x + m.yy*p.y) / (em * one / sub),
	}
}

// flatten appends the curve without its first point, as 8 lines or one.
func (c curve) flatten(polygon []point) []point {
	if c.b == c.a {
		return append(polygon, c.c)
	}
	const n = 8
	for k := int64(1); k <= n; k++ {
		a, b, d := (n-k)*(n-k), 2*k*(n-k), k*k
		polygon = append(polygon, point{
			(a*c.a.x + b*c.b.x + d*c.c.x) / (n * n),
			(a*c.a.y + b*c.b.y + d*c.c.y) / (n * n),
		})
	}
	return polygon
}
