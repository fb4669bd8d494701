package feedback_test

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/advparams/advparams/feedback"
)

func TestOptionError(t *testing.T) {
	for _, c := range []struct {
		err  feedback.OptionError
		want string
	}{
		{feedback.OptionError{Option: "Key", Reason: "there is no place for the key"}, "Key: there is no place for the key"},
		{feedback.OptionError{Option: "Profile", Value: "least", Reason: "is not minimal or sealed"}, `Profile "least" is not minimal or sealed`},
		{feedback.OptionError{Option: "Beam", Value: 65, Reason: "is not between 1 and 64"}, "Beam 65 is not between 1 and 64"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	err := feedback.OptionError{Option: "Beam", Value: 65, Reason: "is too large", Err: fs.ErrInvalid}
	if got, want := err.Describe("--beam"), "--beam 65 is too large"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(&err, fs.ErrInvalid) {
		t.Error("the error behind it is lost")
	}
}

// TestNobodyWatches: an observer without functions is asked for nothing.
func TestNobodyWatches(t *testing.T) {
	var o feedback.Observer
	o.Notify(feedback.NoticeData, "text")
	o.Report("stage", 1, 2, "")
	if o.Counter("stage", 2) != nil || o.Bytes("stage", 2) != nil {
		t.Error("something is counted for nobody")
	}
}

func TestCounter(t *testing.T) {
	var got []feedback.Progress
	o := feedback.Observer{Progress: func(p feedback.Progress) { got = append(got, p) }}
	count := o.Counter("asking", 3)
	count(2)
	want := []feedback.Progress{{Stage: "asking", Total: 3}, {Stage: "asking", Done: 2, Total: 3, Text: "2 of 3"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestBytes: bytes come from several goroutines, and each mebibyte is reported once, in order.
func TestBytes(t *testing.T) {
	const unit = 1 << 20
	var done []int
	o := feedback.Observer{Progress: func(p feedback.Progress) {
		if p.Total != 2 {
			t.Errorf("total %d", p.Total)
		}
		done = append(done, p.Done)
	}}
	add := o.Bytes("sealing", 2*unit+unit/2)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			for range unit / 2 / 64 {
				add(64)
			}
		})
	}
	all.Wait()
	if want := []int{0, 1, 2}; !slices.Equal(done, want) {
		t.Errorf("reported %v, want %v", done, want)
	}
	add(unit) // more than there was said to be
	if last := done[len(done)-1]; last != 2 {
		t.Errorf("%d of 2", last)
	}
}
