package amx

import "github.com/advparams/advparams/internal/kernel/simd"

// A tile of the left side has Rows rows of Depth numbers. One of the right side has Depth/2
// rows of Rows words, and one of the sums Rows rows of Rows numbers. A word holds two numbers.
const (
	Rows  = 16
	Depth = 32
	Tile  = 256 // words
)

// Available reports whether the matrix unit may be used.
func Available() bool { return simd.Active() == simd.AMX }

// Task is a sum of products of tiles. High is the number of tiles on the left side, 1 or 2;
// on the right side there are [Task.Wide], next to each other. For every block q,
//
//	sums[r, c] = Σ_s Σ_k left_s[r, k] · right_s[k, c]    r < 16·High, c < 16·Wide
//
// or that is added to the sums if Add is set.
type Task struct {
	High int
	// Left holds, for each step s, High tiles of 16 rows. Word w of a row holds the elements
	// k = w and k = w+16.
	Left []uint32
	// Right holds rows of words: row w of a step those of the elements k = w and k = w+16. The
	// first row of step s of block q begins at word Step[s]/4 + q·Block, rows are Row words
	// apart, and tiles Next.
	Right            []uint32
	Step             []int // bytes
	Row, Next, Block int
	Blocks           int
	// Sums has rows that are SumsRow elements apart. Blocks are SumsBlock apart.
	Sums               []float32
	SumsRow, SumsBlock int
	Add                bool
}

// Wide returns how many tiles a block has on the right side.
func (t *Task) Wide() int { return Wide(t.High) }

// Wide returns how many tiles of the right side belong to a block with high tiles on the
// left one.
func Wide(high int) int { return 4 / high }

// Run computes the sums. [Available] must hold. It panics if a slice is too short.
func (t *Task) Run() {
	steps, wide := len(t.Step), t.Wide()
	if t.Blocks == 0 || steps == 0 {
		return
	}
	most := 0
	for _, s := range t.Step {
		most = max(most, s/4)
	}
	_ = t.Left[steps*t.High*Tile-1]
	_ = t.Right[most+(t.Blocks-1)*t.Block+(wide-1)*t.Next+15*t.Row+15]
	_ = t.Sums[(t.Blocks-1)*t.SumsBlock+(Rows*t.High-1)*t.SumsRow+Rows*wide-1]
	t.run()
}
