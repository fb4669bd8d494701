package glyphs

import (
	"fmt"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// faces leaves out the small capitals: their digits and capitals are Go Regular's.
var faces = [][]byte{
	goregular.TTF, goitalic.TTF, gomedium.TTF, gomediumitalic.TTF, gobold.TTF, gobolditalic.TTF,
	gomono.TTF, gomonoitalic.TTF, gomonobold.TTF, gomonobolditalic.TTF,
}

// face holds an outline for each of Classes.
type face [len(Classes)]outline

// outline is a glyph as closed contours of quadratic Bézier curves, y down, in
// 1/64 of a font unit, em of them to the font's em.
type outline struct {
	contours [][]curve
	em       int64
}

// curve goes from a to c, bent towards b; a line has b = a.
type curve struct{ a, b, c point }

type point struct{ x, y int64 }

// load parses the fonts once.
var load = sync.OnceValues(func() ([]face, error) {
	loaded := make([]face, len(faces))
	for i, ttf := range faces {
		font, err := sfnt.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("go font %d: %w", i, err)
		}
		for label, char := range Classes {
			loaded[i][label], err = newOutline(font, char)
			if err != nil {
				return nil, fmt.Errorf("go font %d: glyph %q: %w", i, char, err)
			}
		}
	}
	return loaded, nil
})

func newOutline(font *sfnt.Font, char rune) (outline, error) {
	glyph, err := font.GlyphIndex(nil, char)
	if err != nil {
		return outline{}, err
	}
	em := fixed.I(int(font.UnitsPerEm()))
	segments, err := font.LoadGlyph(nil, glyph, em, nil) // a pixel a font unit: exact
	if err != nil {
		return outline{}, err
	}
	o := outline{em: int64(em)}
	var pen point
	for _, s := range segments {
		to := [3]point{}
		for i, p := range s.Args {
			to[i] = point{int64(p.X), int64(p.Y)}
		}
		last := len(o.contours) - 1
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			o.contours = append(o.contours, nil)
			pen = to[0]
		case sfnt.SegmentOpLineTo:
			o.contours[last] = append(o.contours[last], curve{pen, pen, to[0]})
			pen = to[0]
		case sfnt.SegmentOpQuadTo:
			o.contours[last] = append(o.contours[last], curve{pen, to[0], to[1]})
			pen = to[1]
		default:
			return outline{}, fmt.Errorf("segment type %d is not one of TrueType", s.Op)
		}
	}
	return o, nil
}
