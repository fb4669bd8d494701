package winograd

import (
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// winoSource holds a piece of an image, channels last and surrounded by zeros, from which
// tiles are transformed.
type winoSource struct {
	winoTiling
	buf   *[]float32
	pitch int         // elements of a position
	over  int         // by how much tiles overlap: 2 for inputs, 0 for gradients of outputs
	line  int         // positions of a row
	at    window.Vec3 // position of the image in a piece that begins with tile row 0
}

func newWinoSource(t winoTiling, pitch, over int, at window.Vec3) winoSource {
	s := winoSource{winoTiling: t, pitch: pitch, over: over, line: t.m*t.wide + over, at: at}
	s.buf = scratch.Floats((t.m*t.rows+over)*s.line*pitch + simd.PackSlack)
	clear(*s.buf)
	return s
}

func (s *winoSource) free() { scratch.Free(s.buf) }

// load copies what tile rows row to row+rows need of an image of some channels.
func (s *winoSource) load(image []float32, channels int, extent window.Vec3, row, rows int) {
	line := s.line * s.pitch
	lines := s.m*rows + s.over
	// Of the lines of the piece, first to last are inside the image.
	first := min(max(0, s.at[1]-s.m*row), lines)
	last := max(first, min(lines, extent[1]+s.at[1]-s.m*row))
	clear((*s.buf)[:first*line])
	clear((*s.buf)[last*line : lines*line])
	if last == first {
		return
	}
	to, from := first*line+s.at[2]*s.pitch, (s.m*row+first-s.at[1])*extent[2]
	for c := 0; c < channels; c += 8 {
		simd.TransposeLines(last-first, (*s.buf)[to+c:], s.pitch, line, image[c*extent.Size()+from:], extent.Size(), extent[2], min(8, channels-c), min(extent[2], s.line-s.at[2]))
	}
}

// transform writes element ξ of each tile of some tile rows to matrix ξ of dst, beginning
// with tile first.
func (s *winoSource) transform(kind winoTransform, rows int, dst []float32, first, plane int) {
	for r := range rows {
		runTransform(kind, &winoArgs{
			tiles: s.wide, channels: s.pitch,
			src: *s.buf, from: winoLayout{at: s.m * r * s.line * s.pitch, i: s.line * s.pitch, j: s.pitch, tile: s.m * s.pitch},
			dst: dst, to: winoLayout{at: (first + r*s.wide) * s.pitch, i: s.side() * plane, j: plane, tile: s.pitch},
		})
	}
}
