package task

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestLanguageUseless: a model that is right no more often than the most frequent token would
// be, and less likely than frequencies, is useless, however much its answers vary. One that is
// right more often is not, however unlikely.
func TestLanguageUseless(t *testing.T) {
	const tokens, n = 8, 2000
	for _, c := range []struct {
		right   int // of ten answers
		useless bool
	}{{3, true}, {6, false}} {
		logits, truth := nd.New(nd.Float32, 1, n, tokens), nd.New(nd.Int64, 1, n)
		for i := range n {
			label := 0 // of two tokens in five
			if i%5 > 1 {
				label = 1 + i/5%(tokens-1)
			}
			answer := label
			if i/35%10 >= c.right {
				answer = (label + 1 + i%(tokens-1)) % tokens
			}
			truth.Int64s()[i] = int64(label)
			logits.Float32s()[i*tokens+answer] = 30
		}
		tally := Language{}.NewTally()
		if err := tally.Add([]nd.Array{logits}, truth); err != nil {
			t.Fatal(err)
		}
		s := tally.Score()
		if got := s.Quality <= s.Useless(); got != c.useless {
			t.Errorf("right on %d of ten: quality %v, useless at %v", c.right, s.Quality, s.Useless())
		}
	}
}
